#include "channel.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace load {

TlsContext::TlsContext(const std::string& certificate, const std::string& key)
    : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION);
    SSL_CTX_set_mode(
        context_,
        SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
    );
    if (certificate.empty()) return;
    if (SSL_CTX_use_certificate_chain_file(context_, certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) != 1) {
        std::fprintf(stderr, "device_load: cannot use %s\n", certificate.c_str());
        std::exit(2);
    }
}

TlsContext::~TlsContext() {
    SSL_CTX_free(context_);
}

bool Channel::open(int port, unsigned source, const TlsContext* tls) {
    close();
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return false;
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    ::setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(0x7f000000U + source);
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return false;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
        errno != EINPROGRESS) {
        return false;
    }
    if (tls != nullptr) {
        tls_ = SSL_new(tls->get());
        SSL_set_fd(tls_, fd_);
        SSL_set_connect_state(tls_);
    }
    return true;
}

Channel::Step Channel::establish() {
    if (!connected_) {
        pollfd ready{fd_, POLLOUT, 0};
        if (::poll(&ready, 1, 0) == 0) return Step::later;
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return Step::failed;
        connected_ = true;
    }
    if (tls_ == nullptr) return Step::done;
    ERR_clear_error();
    const int result = SSL_do_handshake(tls_);
    if (result == 1) return Step::done;
    const int error = SSL_get_error(tls_, result);
    const bool later = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    return later ? Step::later : Step::failed;
}

long Channel::read(char* into, std::size_t size) {
    if (tls_ == nullptr) {
        const auto n = ::recv(fd_, into, size, 0);
        if (n > 0) return n;
        return n < 0 && errno == EAGAIN ? 0 : -1;
    }
    ERR_clear_error();
    const int n = SSL_read(tls_, into, static_cast<int>(size));
    if (n > 0) return n;
    const int error = SSL_get_error(tls_, n);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

long Channel::write(std::string_view from) {
    if (tls_ == nullptr) {
        const auto n = ::send(fd_, from.data(), from.size(), MSG_NOSIGNAL);
        if (n >= 0) return n;
        return errno == EAGAIN ? 0 : -1;
    }
    ERR_clear_error();
    const int n = SSL_write(tls_, from.data(), static_cast<int>(from.size()));
    if (n > 0) return n;
    const int error = SSL_get_error(tls_, n);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

void Channel::close() {
    SSL_free(tls_);
    tls_ = nullptr;
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    connected_ = false;
}

}  // namespace load
