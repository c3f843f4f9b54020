#pragma once

#include "base/bytes.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace penstock::ingest::http {

/// Reads one HTTP/1.0 or 1.1 request (RFC 9112) out of bytes that somebody else got from a socket.
/// Strict where requests are smuggled: a bad, repeated or contradictory Content-Length, a
/// Transfer-Encoding that is not `chunked` alone, and chunks that overflow fail (M28). Bounds: the
/// head, a chunk's head and the trailers `head_max` bytes each, the body `body_max`. Threads:
/// owner.
class RequestParser {
public:
    struct Limits {
        std::size_t head_max;
        std::uint64_t body_max;
    };
    enum class State : std::uint8_t { head, body, done, failed };

    /// Why it failed: the status to answer with and a constant for people and metrics.
    struct Failure {
        unsigned status = 400;
        std::string_view code;
        std::string_view message;
    };

    explicit RequestParser(Limits limits);
    ~RequestParser();
    RequestParser(const RequestParser&) = delete;
    RequestParser& operator=(const RequestParser&) = delete;

    /// Reads from the front of `bytes` and says how many were used; the rest must come again, with
    /// more behind it. Stops when the head is complete (state `body` or `done`), so that the caller
    /// can look at it before the body.
    [[nodiscard]] std::size_t feed(std::string_view bytes);

    [[nodiscard]] State state() const noexcept { return state_; }
    /// Precondition: failed.
    [[nodiscard]] const Failure& failure() const noexcept { return failure_; }

    /// The body so far. Later calls of feed() append to it.
    [[nodiscard]] Bytes& body() noexcept { return body_; }
    /// From now on the body is read and thrown away.
    void discard_body() noexcept;

    // The head; views stay valid as long as the parser. Precondition: state `body` or `done`.
    [[nodiscard]] std::string_view method() const noexcept;
    [[nodiscard]] std::string_view target() const noexcept;
    /// HTTP/1.1 (else 1.0).
    [[nodiscard]] bool modern() const noexcept;
    [[nodiscard]] bool keep_alive() const noexcept;
    /// Says how long its body is, or sends it in chunks.
    [[nodiscard]] bool framed() const noexcept;
    /// Waits for `100 Continue` before it sends the body.
    [[nodiscard]] bool expects_continue() const noexcept;
    /// The first header of that name, empty when there is none; and how many there are.
    [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
    [[nodiscard]] std::size_t header_count(std::string_view name) const noexcept;

private:
    struct Engine;

    void fail(unsigned status, std::string_view code, std::string_view message) noexcept;
    [[nodiscard]] bool take_head(std::size_t taken, std::size_t shown);
    [[nodiscard]] bool head_is_sound();

    std::unique_ptr<Engine> engine_;
    Bytes body_;
    Failure failure_;
    std::size_t head_max_;
    std::size_t head_size_ = 0;  // so far
    State state_ = State::head;
    bool begun_ = false;    // a byte was seen
    bool starved_ = false;  // of a chunked body, the last piece was too short
};

}  // namespace penstock::ingest::http
