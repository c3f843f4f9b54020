#pragma once

#include "penstock/clock.h"
#include "penstock/result.h"
#include "sinks/transport/http_client.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::sinks {

/// Where a byte stream goes.
struct ByteStreamConfig {
    std::string host;
    std::uint16_t port = 0;
    bool use_tls = false;
    TlsConfig tls;
    Duration connect_timeout = std::chrono::seconds(10);
};

/// One connection of bytes, plain or TLS, for protocols of our own. Nothing blocks but poll(), and
/// poll() for at most its wait; name look-ups run on a thread of the library. Certificate and host
/// name are checked.
///
/// Life: construct -> connecting -> open -> over, for good.
///
/// Threads: owner.
class ByteStream {
public:
    enum class State : std::uint8_t { connecting, open, over };

    explicit ByteStream(const ByteStreamConfig& config);
    ~ByteStream();
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;

    [[nodiscard]] State state() const noexcept;
    /// Why it is over: unavailable, timed_out, denied (certificates). Precondition: over.
    [[nodiscard]] const Error& error() const noexcept;
    /// Takes bytes to send, in order. The caller bounds them by unsent().
    void send(std::string_view bytes);
    [[nodiscard]] std::size_t unsent() const noexcept;
    /// Moves bytes along, waits at most `wait` for some to come or for a change of the state, and
    /// appends what came, at most kReadMax.
    void poll(Nanoseconds wait, std::string& in);

    static constexpr std::size_t kReadMax = std::size_t{256} * 1024;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::sinks
