#include "sinks/transport/name_lookup.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace penstock::sinks {
namespace {

bool is_numeric(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

Result<std::vector<std::string>> addresses_of(const std::string& host) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* list = nullptr;
    if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); code != 0) {
        return Error{Errc::unavailable, "cannot find " + host + ": " + ::gai_strerror(code)};
    }
    std::vector<std::string> found;
    for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        const int code = ::getnameinfo(
            one->ai_addr, one->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST
        );
        const bool fresh = std::find(found.begin(), found.end(), text.data()) == found.end();
        if (code == 0 && fresh && found.size() < NameLookup::kAddressesMax) {
            found.emplace_back(text.data());
        }
    }
    ::freeaddrinfo(list);
    if (found.empty()) return Error{Errc::unavailable, host + " has no address"};
    return found;
}

}  // namespace

struct NameLookup::State {
    std::mutex mutex;
    std::condition_variable done;
    std::optional<Result<std::vector<std::string>>> outcome;
};

NameLookup::NameLookup(const std::string& host) : state_(std::make_shared<State>()) {
    if (is_numeric(host)) {
        state_->outcome = std::vector{host};
        return;
    }
    try {
        std::thread([state = state_, host] {
            auto outcome = addresses_of(host);
            const std::lock_guard lock(state->mutex);
            state->outcome = std::move(outcome);
            state->done.notify_all();
        }).detach();
    } catch (const std::system_error& error) {
        state_->outcome = Error{Errc::unavailable, error.what()};
    }
}

std::optional<Result<std::vector<std::string>>> NameLookup::poll(Nanoseconds wait) {
    std::unique_lock lock(state_->mutex);
    const auto there = [this] { return state_->outcome.has_value(); };
    state_->done.wait_for(lock, std::chrono::nanoseconds(std::max<Nanoseconds>(wait, 0)), there);
    return state_->outcome;
}

}  // namespace penstock::sinks
