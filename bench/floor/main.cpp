// What any server of this machine has to pay: takes MQTT 3.1.1 packets, acknowledges at once, keeps
// nothing, checks nothing. The floor beside which `bench/run.py` sets Penstock and the brokers.
// Uses nothing of Penstock.
//
//   ack_floor PORT [REST]   REST: microseconds between two looks at the sockets while messages come
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t kReadSize = std::size_t{64} << 10U;

struct Connection {
    std::string rest;     // the beginning of a packet
    std::string answers;  // not sent yet
};

/// One packet at the start of `bytes`, without its fixed header; its size, or 0 when it is not
/// whole.
std::size_t packet(std::string_view bytes, std::string_view& body) {
    std::size_t length = 0;
    for (std::size_t i = 1; i < 5 && i < bytes.size(); ++i) {
        const auto byte = static_cast<unsigned char>(bytes[i]);
        length |= std::size_t{byte & 0x7fU} << (7 * (i - 1));
        if ((byte & 0x80U) != 0) continue;
        if (bytes.size() < i + 1 + length) return 0;
        body = bytes.substr(i + 1, length);
        return i + 1 + length;
    }
    return 0;
}

void answer(unsigned char first, std::string_view body, std::string& out) {
    switch (first >> 4U) {
        case 1:
            out.append("\x20\x02\x00\x00", 4);  // CONNACK
            return;
        case 3: {
            if ((first & 0x06U) == 0 || body.size() < 4) return;
            const auto high = static_cast<unsigned char>(body[0]);
            const auto low = static_cast<unsigned char>(body[1]);
            const std::size_t id = 2 + std::size_t{high} * 256 + low;
            if (body.size() < id + 2) return;
            out.append("\x40\x02", 2);  // PUBACK
            out += body.substr(id, 2);
            return;
        }
        case 12:
            out.append("\xd0\x00", 2);  // PINGRESP
            return;
        default:
            return;
    }
}

/// False: the other side is gone.
bool take(int fd, Connection& connection, std::array<char, kReadSize>& buffer) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    if (!connection.rest.empty()) bytes = connection.rest += bytes;
    std::string_view body;
    std::size_t used = 0;
    while (const std::size_t size = packet(bytes.substr(used), body)) {
        answer(static_cast<unsigned char>(bytes[used]), body, connection.answers);
        used += size;
    }
    connection.rest = std::string(bytes.substr(used));
    return true;
}

int listen_at(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd, 4096) != 0) {
        std::perror("listen");
        std::exit(1);
    }
    return fd;
}

class Server {
public:
    Server(std::uint16_t port, long rest)
        : listener_(listen_at(port)), epoll_(::epoll_create1(0)), rest_(rest) {
        watch(listener_);
    }

    [[noreturn]] void run() {
        std::array<epoll_event, 1024> events{};
        for (;;) {
            const int ready =
                ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < ready; ++i) {
                const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
                fd == listener_ ? accept_all() : serve(fd);
            }
            for (const int fd : answered_)
                send(fd);
            answered_.clear();
            if (rest_ > 0 && ready > 0) {
                const timespec span{0, rest_ * 1000};
                ::nanosleep(&span, nullptr);
            }
        }
    }

private:
    Connection& connection(int fd) { return connections_[static_cast<std::size_t>(fd)]; }

    void watch(int fd) const {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }

    void accept_all() {
        for (int fd = 0; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
            const int on = 1;
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            const auto size = static_cast<std::size_t>(fd) + 1;
            if (connections_.size() < size) connections_.resize(size);
            connection(fd) = {};
            watch(fd);
        }
    }

    void serve(int fd) {
        if (!take(fd, connection(fd), buffer_)) {
            ::close(fd);
        } else if (!connection(fd).answers.empty()) {
            answered_.push_back(fd);
        }
    }

    void send(int fd) {
        std::string& out = connection(fd).answers;
        const ssize_t sent = ::send(fd, out.data(), out.size(), MSG_NOSIGNAL);
        out.erase(0, sent > 0 ? static_cast<std::size_t>(sent) : 0);
    }

    int listener_;
    int epoll_;
    long rest_;                            // microseconds
    std::vector<Connection> connections_;  // by descriptor
    std::vector<int> answered_;            // descriptors
    std::array<char, kReadSize> buffer_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: ack_floor PORT [REST]\n", stderr);
        return 2;
    }
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    const auto port = static_cast<std::uint16_t>(std::strtol(argv[1], nullptr, 10));
    const long rest = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 0;
    std::make_unique<Server>(port, rest)->run();
}
