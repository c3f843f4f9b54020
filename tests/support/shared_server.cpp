#include "support/shared_server.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <map>
#include <memory>
#include <utility>

namespace penstock::test {

Server* shared_server(const std::string& name, const Server::Options& options) {
    static std::map<std::pair<std::string, decltype(options.environment)>, std::unique_ptr<Server>>
        servers;
    std::unique_ptr<Server>& server = servers[{name, options.environment}];
    if (server) return server.get();
    auto started = Server::start(name, options);
    if (started.ok()) {
        server = std::move(started).value();
        return server.get();
    }
    if (started.error().code != Errc::unsupported) FAIL(started.error().message);
    WARN("skipped: " << started.error().message);
    return nullptr;
}

bool all_servers() {
    const char* const value = std::getenv("PENSTOCK_ALL_SERVERS");  // NOLINT(concurrency-mt-unsafe)
    return value != nullptr && *value != '\0';
}

}  // namespace penstock::test
