#pragma once

#include "api/site.h"
#include "base/worker_pool.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace penstock::api {

/// What the connections of the server share. Threads: the server's thread.
struct Floor {
    const Config& config;
    Site& site;
    WorkerPool& pool;
    const Clock& clock;
    std::function<void(unsigned status)> count;  // one request was answered with this status
    std::size_t connections = 0;
};

/// Serves one connection to its end.
boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket, Floor& floor);

}  // namespace penstock::api
