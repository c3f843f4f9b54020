#include "support/relay.h"

#include "support/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace penstock::test {
namespace {

using Moment = std::chrono::steady_clock::time_point;

constexpr int kTickMs = 10;
/// How long the server has to take in what it was sent before its answers are lost.
constexpr auto kTakeIn = std::chrono::milliseconds(300);

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

const sockaddr* plain(const sockaddr_in& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

/// Ends a connection with a reset, not with an orderly close.
void reset(int& fd) {
    if (fd < 0) return;
    const linger now{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(fd);
    fd = -1;
}

bool send_all(int fd, std::string& bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN;
        bytes.erase(0, static_cast<std::size_t>(sent));
    }
    return true;
}

/// What there is to read, appended; false at the end of the connection.
bool receive(int fd, std::string& bytes) {
    std::array<char, 65536> block{};
    const auto got = ::recv(fd, block.data(), block.size(), MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN;
    bytes.append(block.data(), static_cast<std::size_t>(got));
    return got > 0;
}

}  // namespace

struct Relay::Pair {
    int client = -1;
    int server = -1;
    std::string up;
    std::string down;
    bool swallowed = false;  // the server has not all of what the client sent
    Moment first_lost{};     // when the first byte went up that is to stay without an answer

    Pair() = default;
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    ~Pair() { end(); }
    void end() {
        reset(client);
        reset(server);
    }
    [[nodiscard]] bool over() const { return client < 0; }
};

Relay::Relay(std::uint16_t server_port) : server_port_(server_port) {
    for (int tries = 0; tries < 20 && listener_ < 0; ++tries) {
        port_ = free_port();
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int on = 1;
        ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        const sockaddr_in address = loopback(port_);
        const bool bound =
            ::bind(listener_, plain(address), sizeof address) == 0 && ::listen(listener_, 64) == 0;
        if (!bound) {
            ::close(listener_);
            listener_ = -1;
        }
    }
    if (listener_ < 0) throw std::runtime_error("relay: no port");
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Relay::~Relay() {
    thread_.request_stop();
    thread_.join();
    ::close(listener_);
}

void Relay::accept_one() {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    auto pair = std::make_unique<Pair>();
    pair->client = client;
    if (mode_ == Mode::pass || mode_ == Mode::lose_answers) {
        pair->server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_in address = loopback(server_port_);
        if (::connect(pair->server, plain(address), sizeof address) != 0) return;
    }
    if (mode_ != Mode::refuse) pairs_.push_back(std::move(pair));
}

void Relay::step(Pair& pair) {
    const Mode mode = mode_;
    if (mode == Mode::refuse) return pair.end();
    const bool from_client = receive(pair.client, pair.up);
    if (mode == Mode::swallow) {
        pair.swallowed |= !pair.up.empty();
        pair.up.clear();
        if (!from_client) pair.end();
        return;
    }
    if (pair.swallowed || pair.server < 0) return pair.end();
    const bool losing = mode == Mode::lose_answers;
    const auto now = std::chrono::steady_clock::now();
    if (losing && !pair.up.empty() && pair.first_lost == Moment{}) pair.first_lost = now;
    const bool up = send_all(pair.server, pair.up);
    const bool from_server = receive(pair.server, pair.down);
    if (losing && pair.first_lost != Moment{}) {
        pair.down.clear();
        if (now - pair.first_lost < kTakeIn) return;
        mode_ = Mode::pass;
        return pair.end();
    }
    const bool down = send_all(pair.client, pair.down);
    if (!from_client || !up || !from_server || !down) pair.end();
}

void Relay::run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        std::vector<pollfd> waits{{listener_, POLLIN, 0}};
        for (const auto& pair : pairs_) {
            waits.push_back({pair->client, POLLIN, 0});
            if (pair->server >= 0) waits.push_back({pair->server, POLLIN, 0});
        }
        ::poll(waits.data(), waits.size(), kTickMs);
        accept_one();
        for (const auto& pair : pairs_)
            step(*pair);
        std::erase_if(pairs_, [](const auto& pair) { return pair->over(); });
    }
}

}  // namespace penstock::test
