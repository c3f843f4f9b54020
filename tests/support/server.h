#pragma once

#include "penstock/result.h"

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

namespace penstock::test {

/// A free TCP port of 127.0.0.1 with `following` free ones behind it (bound for a moment, then let
/// go).
[[nodiscard]] std::uint16_t free_port(unsigned following = 0);

/// A real server out of tests/servers, in a temp folder and on free ports, for as long as this
/// lives.
///
///     auto kafka = Server::start("kafka");
///     if (!kafka.ok()) { WARN(kafka.error().message); return; }
///     (*kafka)->value("endpoint")
///
/// The destructor stops it by its script and removes the folder; a test program that dies takes its
/// servers along.
///
/// Threads: owner.
class Server {
public:
    struct Options {
        unsigned ports = 4;  // how many in a row the script uses
        std::map<std::string, std::string> environment;
    };

    /// Runs `NAME.sh start DIR PORT` and waits until it is ready. Errc::unsupported: something it
    /// needs is missing here (the message says what; skip the test with it). Tries other ports when
    /// one is taken meanwhile.
    [[nodiscard]] static Result<std::unique_ptr<Server>> start(const std::string& name);
    [[nodiscard]] static Result<std::unique_ptr<Server>> start(
        const std::string& name, const Options& options
    );

    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// What `start` printed as key=value; empty when it did not.
    [[nodiscard]] std::string value(const std::string& key) const;
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

    /// SIGTERM and SIGKILL by the script; the data stays.
    Status stop();
    Status kill();
    /// Again on the same folder and ports.
    Status restart();

private:
    Server(std::string name, Options options, std::string folder, std::uint16_t port);
    Status run(const std::string& verb);

    std::string name_;
    Options options_;
    std::string folder_;
    std::uint16_t port_;
    std::map<std::string, std::string> values_;
    std::FILE* guard_ = nullptr;
};

}  // namespace penstock::test
