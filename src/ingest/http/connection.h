#pragma once

#include "auth/authenticator.h"
#include "auth/token.h"
#include "ingest/connection.h"
#include "ingest/http/exchange.h"
#include "ingest/http/request_parser.h"
#include "ingest/http/shard_part.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace penstock::ingest::http {

/// A device's HTTP connection: requests in, one after the other, records to the intake, answers out
/// in the order of the requests (RFC 9112 section 9.3.2), each only when every record of it is on
/// disk.
///
/// Requests that come while earlier ones wait for the journal are read and submitted too, up to
/// Config::max_pipelined and ConnectionLimits::in_flight; then reading stops. While the intake is
/// busy, reading stops as well. Memory: between two requests nothing but this object and the last
/// verdict on its credentials. Threads: owning shard.
class HttpConnection final : public Connection {
public:
    HttpConnection(Arrival arrival, ShardPart& part);
    ~HttpConnection() override;

    [[nodiscard]] Consumed received(std::span<const std::byte> bytes) override;
    void durable(std::uint32_t sequence) override;
    void peer_ended() override;
    void expired() override;
    void drain() override;

private:
    /// Where the request that is being read stands. From `verdict` on it is the last of the
    /// exchanges.
    enum class Phase : std::uint8_t {
        idle,     // between two requests
        head,     // its head is incomplete
        verdict,  // its head is being judged, the password checked
        body,     // its body is being read, or thrown away when it is answered already
        submit,   // its records go to the intake
    };
    struct Work {
        std::unique_ptr<RequestParser> parser;  // from `head` to `body`
        std::deque<Exchange> exchanges;
    };
    /// The last credentials that were let in, so that not every request asks again.
    struct Known {
        auth::Digest credentials;  // SHA-256 of the Authorization header
        std::uint64_t generation;
        Nanoseconds until;
        std::string identity;
    };

    // Reading, in the order of a request's life.
    [[nodiscard]] std::size_t step(std::string_view text);
    [[nodiscard]] std::size_t begin(std::string_view text);
    [[nodiscard]] std::size_t read_head(std::string_view text);
    void head_complete();
    void authenticate();
    void decided(const auth::Verdict& verdict, std::string_view authorization);
    [[nodiscard]] auth::Authenticator::Callback bring_back(const Ticket& who);
    void late_verdict(const auth::Verdict& verdict);
    void check_request();
    [[nodiscard]] std::optional<Problem> objection() const;
    [[nodiscard]] std::size_t read_body(std::string_view text);
    void body_complete();
    void submit(std::span<const std::byte> text);
    void stalled(Exchange& exchange, std::span<const std::byte> text);
    void request_over();

    // Answering.
    void answer(Exchange& exchange, const Problem& problem);
    void refuse(const Problem& problem);
    void refuse_and_end(const Problem& problem);
    void finish_if_durable(Exchange& exchange);
    void send(Exchange& exchange);
    void send_answers();
    void say_continue();
    void end_unfinished(const Problem& problem);

    /// What every callback ends with: answers that are due, holds, the deadline.
    void settle();
    void set_hold();
    void set_time();
    void charge(std::size_t body_bytes) noexcept;
    [[nodiscard]] bool waits() const noexcept;
    void enter(Phase phase, Duration bound) noexcept;

    [[nodiscard]] Exchange& current() noexcept { return work_->exchanges.back(); }
    [[nodiscard]] const RequestParser& request() const noexcept { return *work_->parser; }
    [[nodiscard]] const Config& config() const noexcept { return part_.config; }

    ShardPart& part_;
    std::unique_ptr<Work> work_;    // while there is a request
    std::unique_ptr<Known> known_;  // while there is somebody
    std::size_t in_flight_ = 0;
    std::size_t charged_ = 0;  // our share of ShardPart::buffered
    Nanoseconds phase_until_ = 0;
    std::string_view end_reason_ = "http_close";
    std::uint32_t next_sequence_ = 0;
    Phase phase_ = Phase::idle;
    bool shown_again_ = false;     // the first byte was used before: it was left to be called again
    bool wants_continue_ = false;  // `100 Continue` is owed before the body comes
    bool ends_ = false;            // no further request is read
};

}  // namespace penstock::ingest::http
