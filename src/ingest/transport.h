#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

struct ssl_st;

namespace penstock::ingest {

/// A file descriptor that is closed with its owner.
/// Threads: owner.
class Socket {
public:
    Socket() = default;
    explicit Socket(int fd) noexcept : fd_(fd) {}
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket& operator=(Socket&& other) noexcept;
    ~Socket() { close(); }

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] bool open() const noexcept { return fd_ >= 0; }
    void close() noexcept;

private:
    int fd_ = -1;
};

/// What one step of I/O came to.
enum class Io : std::uint8_t {
    done,         // `bytes` were moved (at least one); a handshake is complete
    wants_read,   // nothing more now: go on when the socket is readable
    wants_write,  // nothing more now: go on when the socket is writable
    ended,        // the peer has finished sending in good order
    failed,       // reset, time-out of TCP, or a broken TLS stream: only closing is left
};

struct Transfer {
    Io io = Io::done;
    std::size_t bytes = 0;
};

/// One byte stream over a non-blocking socket, plain TCP or TLS (OpenSSL directly on the socket).
/// Holds no buffer of its own; an idle TLS stream has given its buffers back
/// (SSL_MODE_RELEASE_BUFFERS). Never blocks, never throws, never raises SIGPIPE for plain streams
/// (the process ignores SIGPIPE: Listeners::open). Threads: the shard that owns the connection; may
/// be handed to another shard between two calls.
class Transport {
public:
    Transport() = default;
    explicit Transport(Socket socket) noexcept : socket_(std::move(socket)) {}
    /// Takes over `ssl` (may be null), which must already be set up on the socket's descriptor as a
    /// server.
    Transport(Socket socket, ssl_st* ssl) noexcept : socket_(std::move(socket)), ssl_(ssl) {}
    Transport(Transport&& other) noexcept
        : socket_(std::move(other.socket_)),
          ssl_(std::exchange(other.ssl_, nullptr)),
          ended_(other.ended_) {}
    Transport& operator=(Transport&& other) noexcept;
    /// Closes the socket, without waiting and without close_notify; see finish().
    ~Transport();

    [[nodiscard]] int fd() const noexcept { return socket_.fd(); }
    [[nodiscard]] bool open() const noexcept { return socket_.open(); }
    [[nodiscard]] bool secure() const noexcept { return ssl_ != nullptr; }

    /// True once bytes may flow: at once for TCP, after handshake() said `done` for TLS.
    [[nodiscard]] bool established() const noexcept;
    /// Moves the TLS handshake along. Precondition: secure().
    [[nodiscard]] Io handshake() noexcept;

    /// Reads what is there, at most `into`; fills `into` as far as it can. `done` comes with at
    /// least one byte; what ended the read (wants_read, ended, failed) is then found by the next
    /// call.
    [[nodiscard]] Transfer read(std::span<std::byte> into) noexcept;
    /// Writes what the socket takes. A TLS write that said wants_* must be repeated with the same
    /// bytes in front (they may stand elsewhere and more may follow).
    [[nodiscard]] Transfer write(std::span<const std::byte> from) noexcept;
    /// True when bytes wait inside TLS: the socket will not become readable for them.
    [[nodiscard]] bool has_buffered() const noexcept;
    /// Tells the peer that nothing more will be sent (close_notify, FIN).
    void finish() noexcept;

    /// The identity that a *verified* client certificate states: its common name, or the first DNS,
    /// URI or e-mail name of its subject alternative name when there is none. At most 256 bytes of
    /// valid UTF-8 without control characters; anything else is no identity. Empty: no certificate,
    /// or not verified.
    [[nodiscard]] std::string certificate_identity() const;
    /// Why TLS failed, a short constant-like text of OpenSSL for the log. Clears it.
    [[nodiscard]] static std::string take_tls_error();

private:
    Socket socket_;
    ssl_st* ssl_ = nullptr;
    Io ended_ =
        Io::done;  // how a TLS stream came to its end, for the read that follows the last bytes
};

}  // namespace penstock::ingest
