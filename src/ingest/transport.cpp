#include "ingest/transport.h"

#include "base/utf8.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace penstock::ingest {
namespace {

Io tls_outcome(SSL* ssl, int result) noexcept {
    switch (SSL_get_error(ssl, result)) {
        case SSL_ERROR_WANT_READ:
            return Io::wants_read;
        case SSL_ERROR_WANT_WRITE:
            return Io::wants_write;
        case SSL_ERROR_ZERO_RETURN:
            return Io::ended;
        default:
            return Io::failed;
    }
}

/// Text as an identity, or nothing when it is no good one (a NUL inside, control characters, too
/// long).
std::string identity(const ASN1_STRING* text) {
    constexpr int kLongest = 256;
    unsigned char* utf8 = nullptr;
    const int size = ASN1_STRING_to_UTF8(&utf8, text);
    if (size < 0) return {};
    std::string out;
    if (size <= kLongest)
        out.assign(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
    OPENSSL_free(utf8);
    if (text::classify_utf8(out) != text::Text::clean) out.clear();
    return out;
}

std::string common_name(const X509* certificate) {
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return {};
    return identity(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

std::string alternative_name(const X509* certificate) {
    auto* const names = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)
    );
    std::string found;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && found.empty(); ++i) {
        int type = 0;
        const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        if (type != GEN_DNS && type != GEN_URI && type != GEN_EMAIL) continue;
        found = identity(static_cast<const ASN1_STRING*>(value));
    }
    GENERAL_NAMES_free(names);
    return found;
}

Transfer read_plain(int fd, std::span<std::byte> into) noexcept {
    for (;;) {
        const ssize_t n = ::recv(fd, into.data(), into.size(), 0);
        if (n > 0) return {Io::done, static_cast<std::size_t>(n)};
        if (n == 0) return {Io::ended, 0};
        if (errno == EINTR) continue;
        return {errno == EAGAIN ? Io::wants_read : Io::failed, 0};
    }
}

Transfer write_plain(int fd, std::span<const std::byte> from) noexcept {
    for (;;) {
        const ssize_t n = ::send(fd, from.data(), from.size(), MSG_NOSIGNAL);
        if (n >= 0) return {Io::done, static_cast<std::size_t>(n)};
        if (errno == EINTR) continue;
        return {errno == EAGAIN ? Io::wants_write : Io::failed, 0};
    }
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

void Socket::close() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Transport& Transport::operator=(Transport&& other) noexcept {
    if (this == &other) return *this;
    SSL_free(ssl_);
    ssl_ = std::exchange(other.ssl_, nullptr);
    socket_ = std::move(other.socket_);
    ended_ = other.ended_;
    return *this;
}

Transport::~Transport() {
    SSL_free(ssl_);
}

bool Transport::established() const noexcept {
    return ssl_ == nullptr || SSL_is_init_finished(ssl_) == 1;
}

Io Transport::handshake() noexcept {
    ERR_clear_error();
    const int result = SSL_accept(ssl_);
    return result == 1 ? Io::done : tls_outcome(ssl_, result);
}

Transfer Transport::read(std::span<std::byte> into) noexcept {
    if (ssl_ == nullptr) return read_plain(fd(), into);
    if (ended_ != Io::done) return {ended_, 0};
    ERR_clear_error();
    std::size_t total = 0;
    while (total < into.size()) {
        std::size_t n = 0;
        const int result = SSL_read_ex(ssl_, into.data() + total, into.size() - total, &n);
        if (result == 1) {
            total += n;
            continue;
        }
        const Io io = tls_outcome(ssl_, result);
        if (io == Io::ended || io == Io::failed) ended_ = io;
        if (total == 0) return {io, 0};
        break;
    }
    return {Io::done, total};
}

Transfer Transport::write(std::span<const std::byte> from) noexcept {
    if (ssl_ == nullptr) return write_plain(fd(), from);
    ERR_clear_error();
    std::size_t n = 0;
    const int result = SSL_write_ex(ssl_, from.data(), from.size(), &n);
    if (result == 1) return {Io::done, n};
    const Io io = tls_outcome(ssl_, result);
    return {io == Io::ended ? Io::failed : io, 0};
}

bool Transport::has_buffered() const noexcept {
    return ssl_ != nullptr && (ended_ != Io::done || SSL_has_pending(ssl_) == 1);
}

void Transport::finish() noexcept {
    if (ssl_ != nullptr) {
        ERR_clear_error();
        if (established()) SSL_shutdown(ssl_);
    }
    ::shutdown(fd(), SHUT_WR);
}

std::string Transport::certificate_identity() const {
    if (ssl_ == nullptr || SSL_get_verify_result(ssl_) != X509_V_OK) return {};
    const X509* certificate = SSL_get0_peer_certificate(ssl_);
    if (certificate == nullptr) return {};
    std::string name = common_name(certificate);
    return name.empty() ? alternative_name(certificate) : name;
}

std::string Transport::take_tls_error() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "connection lost" : reason;
}

}  // namespace penstock::ingest
