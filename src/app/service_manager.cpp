#include "app/service_manager.h"

#include "base/log.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace penstock::app {
namespace {

std::optional<std::string> process_environment(const std::string& name) {
    const char* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::optional<std::uint64_t> number(const std::optional<std::string>& text) {
    std::uint64_t value = 0;
    if (!text) return std::nullopt;
    const char* const end = text->data() + text->size();
    const auto parsed = std::from_chars(text->data(), end, value);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
    return value;
}

/// How long the manager waits for a sign of life, when it waits for one of this process.
std::optional<Nanoseconds> watchdog(const ServiceManager::Environment& environment) {
    constexpr std::uint64_t kMicrosecondsMax = std::uint64_t{1} << 50U;
    const auto wait = number(environment("WATCHDOG_USEC"));
    if (!wait || *wait == 0 || *wait > kMicrosecondsMax) return std::nullopt;
    const auto process = number(environment("WATCHDOG_PID"));
    if (process && *process != static_cast<std::uint64_t>(::getpid())) return std::nullopt;
    return static_cast<Nanoseconds>(*wait) * kMicrosecond;
}

}  // namespace

ServiceManager::ServiceManager() : ServiceManager(process_environment) {}

ServiceManager::ServiceManager(const Environment& environment) {
    auto path = environment("NOTIFY_SOCKET");
    if (!path || path->empty()) return;
    if ((path->front() != '/' && path->front() != '@') ||
        path->size() >= sizeof(sockaddr_un::sun_path)) {
        log::warn("NOTIFY_SOCKET is no address of a socket", {{"value", *path}});
        return;
    }
    address_ = std::move(*path);
    if (address_.front() == '@') address_.front() = '\0';
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (const auto wait = watchdog(environment)) alive_every_ = *wait / 4;
}

ServiceManager::~ServiceManager() {
    if (socket_ >= 0) ::close(socket_);
}

void ServiceManager::ready(std::string_view status) const {
    send(fmt::format("READY=1\nSTATUS={}", status));
}

void ServiceManager::reloading(Nanoseconds now) const {
    send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=reloading", now / kMicrosecond));
}

void ServiceManager::stopping(std::string_view status) const {
    send(fmt::format("STOPPING=1\nSTATUS={}", status));
}

void ServiceManager::status(std::string_view status) const {
    send(fmt::format("STATUS={}", status));
}

void ServiceManager::alive() const {
    send("WATCHDOG=1");
}

void ServiceManager::send(std::string_view lines) const {
    if (socket_ < 0) return;
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, address_.data(), address_.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the interface of sockets.
    const auto* const address = reinterpret_cast<const sockaddr*>(&to);
    [[maybe_unused]] const auto sent =
        ::sendto(socket_, lines.data(), lines.size(), MSG_NOSIGNAL, address, size);
}

}  // namespace penstock::app
