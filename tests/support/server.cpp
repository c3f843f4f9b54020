#include "support/server.h"

#include "support/shell.h"
#include "support/source_tree.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <utility>
#include <vector>

namespace penstock::test {
namespace {

std::string script(const std::string& name) {
    return (source_tree() / "tests/servers" / (name + ".sh")).string();
}

int bind_port(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets interface.
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
    ::close(fd);
    return -1;
}

bool present(const char* program) {
    return shell(std::string("command -v ") + program + " >/dev/null 2>&1").status == 0;
}

/// What the script needs and this machine lacks, or "".
std::string missing(const std::string& name) {
    if (!std::filesystem::exists(script(name))) return script(name);
    if (name == "kafka") {
        for (const char* program : {"java", "mvn"}) {
            if (!present(program)) return program;
        }
    }
    return {};
}

}  // namespace

std::uint16_t free_port(unsigned following) {
    // Below the range that the kernel hands to outgoing connections, so that none of those takes
    // one between this choice and the server's start.
    unsigned top = 32768;
    std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> top;
    std::random_device seed;
    std::uniform_int_distribution<unsigned> any(10240, std::min(top, 32768U) - 1 - following);
    for (int attempt = 0; attempt < 200; ++attempt) {
        const unsigned first = any(seed);
        bool all = true;
        for (unsigned i = 0; all && i <= following; ++i) {
            const int fd = bind_port(static_cast<std::uint16_t>(first + i));
            all = fd >= 0;
            if (all) ::close(fd);
        }
        if (all) return static_cast<std::uint16_t>(first);
    }
    return 0;
}

Result<std::unique_ptr<Server>> Server::start(const std::string& name) {
    return start(name, {});
}

Result<std::unique_ptr<Server>> Server::start(const std::string& name, const Options& options) {
    if (const std::string what = missing(name); !what.empty()) {
        return Error{Errc::unsupported, name + " cannot run here: " + what + " is missing"};
    }
    Error last{Errc::unavailable, "no free port"};
    for (int attempt = 0; attempt < 3; ++attempt) {
        std::string folder = std::filesystem::temp_directory_path() / "penstock-server-XXXXXX";
        if (::mkdtemp(folder.data()) == nullptr) return Error{Errc::io, "no temp folder"};
        const std::uint16_t port = free_port(options.ports - 1);
        std::unique_ptr<Server> server(new Server(name, options, folder, port));
        const Status started = server->run("start");
        if (started.ok()) return server;
        last = started.error();
    }
    return last;
}

Server::Server(std::string name, Options options, std::string folder, std::uint16_t port)
    : name_(std::move(name)),
      options_(std::move(options)),
      folder_(std::move(folder)),
      port_(port) {
    // Ends the server when its input ends: when this object goes, and when the test program dies.
    // In a session of its own and nobody's child, so that who kills the test with all its children
    // does not kill the guard first.
    const std::string folder_name = shell_quoted(folder_);
    const std::string guard = "trap '' INT TERM HUP; cat >/dev/null; " +
                              shell_quoted(script(name_)) + " kill " + folder_name +
                              " >/dev/null 2>&1; for i in 1 2 3 4 5; do rm -rf " + folder_name +
                              " 2>/dev/null && break; sleep 1; done";
    const std::string launch =
        "exec 3<&0; setsid sh -c " + shell_quoted(guard) + " <&3 3<&- >/dev/null 2>&1 &";
    guard_ = ::popen(launch.c_str(), "we");
}

Server::~Server() {
    static_cast<void>(run("kill"));
    if (guard_ != nullptr) ::pclose(guard_);
}

std::string Server::value(const std::string& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? std::string() : found->second;
}

Status Server::stop() {
    return run("stop");
}
Status Server::kill() {
    return run("kill");
}
Status Server::restart() {
    return run("start");
}

Status Server::run(const std::string& verb) {
    const std::string log = folder_ + "/script.log";
    std::string command = "env ";
    for (const auto& [key, value] : options_.environment)
        command += key + "=" + shell_quoted(value) + " ";
    command += shell_quoted(script(name_)) + " " + verb + " " + shell_quoted(folder_);
    if (verb == "start") command += " " + std::to_string(port_);
    const ShellOutput out = shell(command + " 2>>" + shell_quoted(log));
    if (out.status != 0) {
        const std::string why = shell("tail -5 " + shell_quoted(log)).text;
        return Error{Errc::unavailable, name_ + ".sh " + verb + " failed: " + why};
    }
    for (std::size_t at = 0; at < out.text.size();) {
        const std::size_t end = std::min(out.text.find('\n', at), out.text.size());
        const std::string line = out.text.substr(at, end - at);
        if (const auto equals = line.find('='); equals != std::string::npos) {
            values_[line.substr(0, equals)] = line.substr(equals + 1);
        }
        at = end + 1;
    }
    return {};
}

}  // namespace penstock::test
