#include "ingest/listening_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace penstock::ingest {
namespace {

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] sockaddr* raw() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

Address address_of(const Endpoint& endpoint) noexcept {
    Address made;
    const std::string host = endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host;
    sockaddr_in6 six{};
    if (::inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1) {
        six.sin6_family = AF_INET6;
        six.sin6_port = htons(endpoint.port);
        std::memcpy(&made.storage, &six, sizeof six);
        made.size = sizeof six;
        return made;
    }
    sockaddr_in four{};
    ::inet_pton(AF_INET, host.c_str(), &four.sin_addr);
    four.sin_family = AF_INET;
    four.sin_port = htons(endpoint.port);
    std::memcpy(&made.storage, &four, sizeof four);
    made.size = sizeof four;
    return made;
}

std::uint16_t port_of(int fd) noexcept {
    Address bound;
    bound.size = sizeof bound.storage;
    if (::getsockname(fd, bound.raw(), &bound.size) != 0) return 0;
    sockaddr_in four{};
    std::memcpy(
        &four, &bound.storage, sizeof four
    );  // the port stands at the same place in both families
    return ntohs(four.sin_port);
}

void set(int fd, int level, int option, int value) noexcept {
    // Refusals leave the system's default, which is as right if less prompt.
    (void)::setsockopt(fd, level, option, &value, sizeof value);
}

Error failure(const Endpoint& endpoint, int error) {
    Errc code = Errc::io;
    std::string why = std::generic_category().message(error);
    if (error == EADDRINUSE) code = Errc::conflict, why = "the address is in use";
    if (error == EACCES) code = Errc::denied, why = "no permission (ports below 1024 need one)";
    return {code, "cannot listen on " + endpoint.text() + ": " + why};
}

Result<Socket> bound_socket(const Endpoint& endpoint, bool shared) {
    Address address = address_of(endpoint);
    Socket made(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!made.open()) return failure(endpoint, errno);
    set(made.fd(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (shared) set(made.fd(), SOL_SOCKET, SO_REUSEPORT, 1);
    set(made.fd(), IPPROTO_TCP, TCP_NODELAY, 1);
    set(made.fd(), SOL_SOCKET, SO_KEEPALIVE, 1);
    set(made.fd(), IPPROTO_TCP, TCP_KEEPIDLE, 300);
    set(made.fd(), IPPROTO_TCP, TCP_KEEPINTVL, 30);
    set(made.fd(), IPPROTO_TCP, TCP_KEEPCNT, 4);
    if (::bind(made.fd(), address.raw(), address.size) != 0) return failure(endpoint, errno);
    return made;
}

}  // namespace

Result<ListeningSockets> ListeningSockets::open(const Endpoint& listen, std::uint32_t count) {
    constexpr int kBacklog = 4096;
    // A shared bind would succeed beside another program of the same user and take half of its
    // devices: try alone first.
    if (listen.port != 0) PS_CHECK(bound_socket(listen, false));
    ListeningSockets made{{}, listen};
    for (std::uint32_t i = 0; i < count; ++i) {
        PS_TRY(auto socket, bound_socket(made.address, true));
        if (::listen(socket.fd(), kBacklog) != 0) return failure(made.address, errno);
        made.address.port = port_of(socket.fd());
        made.sockets.push_back(std::move(socket));
    }
    return made;
}

Result<Socket> accept_one(int listening, Peer& peer) noexcept {
    constexpr int kDeadInARow = 64;
    for (int i = 0; i < kDeadInARow; ++i) {
        Address from;
        from.size = sizeof from.storage;
        Socket socket(::accept4(listening, from.raw(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (socket.open()) {
            if (from.storage.ss_family == AF_INET6) {
                sockaddr_in6 six{};
                std::memcpy(&six, &from.storage, sizeof six);
                std::memcpy(peer.address.data(), &six.sin6_addr, 16);
                peer.port = ntohs(six.sin6_port);
            } else {
                sockaddr_in four{};
                std::memcpy(&four, &from.storage, sizeof four);
                peer.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
                std::memcpy(peer.address.data() + 12, &four.sin_addr, 4);
                peer.port = ntohs(four.sin_port);
            }
            return socket;
        }
        if (errno == EAGAIN) break;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            return Error{Errc::io, std::generic_category().message(errno)};
        }
        // ECONNABORTED, EINTR, EPERM (firewall) and the network errors that accept(2) lists concern
        // one connection.
    }
    return Socket{};
}

}  // namespace penstock::ingest
