#pragma once

#include <cstddef>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace load {

/// Settings of TLS that all connections share.
/// Threads: owner.
class TlsContext {
public:
    /// Verifies nothing: this is a load generator on 127.0.0.1. TLS 1.3 only. The files may be
    /// empty.
    TlsContext(const std::string& certificate, const std::string& key);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;
    [[nodiscard]] ssl_ctx_st* get() const { return context_; }

private:
    ssl_ctx_st* context_;
};

/// The client's end of a non-blocking connection to 127.0.0.1, plain or TLS.
/// Threads: owner.
class Channel {
public:
    enum class Step { done, later, failed };

    Channel() = default;
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    ~Channel() { close(); }

    /// Begins to connect, from 127.0.0.`source`: one address has some 28,000 ports only.
    [[nodiscard]] bool open(int port, unsigned source, const TlsContext* tls);
    /// Moves TCP's and TLS's handshakes along.
    [[nodiscard]] Step establish();
    /// Bytes read or written, 0: nothing now, -1: the connection is over.
    [[nodiscard]] long read(char* into, std::size_t size);
    [[nodiscard]] long write(std::string_view from);
    void close();
    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_ = -1;
    ssl_st* tls_ = nullptr;
    bool connected_ = false;
};

}  // namespace load
