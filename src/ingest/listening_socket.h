#pragma once

#include "ingest/config.h"
#include "ingest/connection.h"
#include "ingest/transport.h"
#include "penstock/result.h"

#include <cstdint>
#include <vector>

namespace penstock::ingest {

/// One listening socket per shard on the same address (SO_REUSEPORT: the kernel spreads connections
/// over them), and the address with the port that the system chose. Accepted sockets inherit
/// TCP_NODELAY and TCP keep-alive probes. Errors: conflict (somebody else listens there), denied (a
/// port below 1024), io.
struct ListeningSockets {
    std::vector<Socket> sockets;
    Endpoint address;

    [[nodiscard]] static Result<ListeningSockets> open(const Endpoint& listen, std::uint32_t count);
};

/// Takes the next waiting connection, non-blocking; no socket when there is none. Errors: io for a
/// lasting shortage (descriptors, memory); connections that died in the queue are stepped over.
[[nodiscard]] Result<Socket> accept_one(int listening, Peer& peer) noexcept;

}  // namespace penstock::ingest
