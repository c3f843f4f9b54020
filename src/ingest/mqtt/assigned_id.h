#pragma once

#include "penstock/ids.h"

#include <cstdint>
#include <string>

namespace penstock::mqtt {

/// A client id for a client that has none: `penstock-` and 26 random characters (128 bits), if
/// possible one whose home is `shard`, so that the connection need not move.
[[nodiscard]] std::string assigned_client_id(ShardId shard, std::uint32_t shards);

}  // namespace penstock::mqtt
