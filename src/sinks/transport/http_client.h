#pragma once

#include "config/field.h"
#include "config/secret.h"
#include "penstock/clock.h"
#include "penstock/result.h"
#include "penstock/sink.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks {

/// Certificates of an https far side.
struct TlsConfig {
    std::string ca;           // file; empty: the system's
    std::string certificate;  // file of our own certificate, with its chain; empty: none
    std::string key;          // file of its key
};

/// Of a sink that has `use_tls` beside `tls`: certificates that would not be used are a mistake.
void check_use_tls(
    bool use_tls, const TlsConfig& tls, const config::Origin& where, config::Problems& problems
);

/// How a far side is spoken to over HTTP. Keys of it stand in the table of each sink that uses
/// HTTP.
struct HttpConfig {
    TlsConfig tls;
    Duration connect_timeout = std::chrono::seconds(10);
    Duration timeout =
        std::chrono::seconds(30);  // of a whole request; more for long bodies: kBodyRateMin
    std::string proxy;             // URL; empty: none, whatever the environment says
};

/// One request.
struct HttpRequest {
    std::string method;
    std::string url;
    std::vector<std::string> headers;    // "Name: value", without line breaks
    std::string_view body;               // must live until the request is finished or cancelled
    std::size_t answer_max = 64 * 1024;  // bytes of the answer's body
};

/// What came back.
struct HttpResponse {
    int status = 0;
    std::string body;               // the first HttpRequest::answer_max bytes
    bool fresh_connection = false;  // a connection was made for it: none was there to be used again
    /// Names in lower case, in the order they came; the last 64 lines at most.
    std::vector<std::pair<std::string, std::string>> headers;

    /// The value of the first header of that name (lower case); empty when there is none.
    [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
    [[nodiscard]] bool success() const noexcept { return status >= 200 && status < 300; }
};

using HttpTicket = std::uint64_t;

/// A request that ended: with an answer of whatever status, or without one. Errors: unavailable (no
/// connection, broken connection), too_large (an answer beyond its bounds), timed_out, denied (the
/// far side's certificate, or ours).
struct HttpFinished {
    HttpTicket ticket = 0;
    Result<HttpResponse> outcome;
};

/// HTTP/1.1 requests for one sink, several at a time, over connections that are kept. Promises:
/// - nothing blocks but poll(), and poll() for at most its wait; name look-ups run on a thread of
/// the library;
/// - a far side that hangs, drips or floods ends the request: connect time, total time, a lowest
/// speed, an answer's body
///   beyond answer_max or headers beyond kHeadersMax (an error status keeps what came; a good one
///   is `too_large`);
/// - never sends Expect, follows no redirect, keeps no cookie, reads no .netrc and no proxy from
/// the environment. Threads: owner.
class HttpClient {
public:
    static constexpr std::size_t kHeadersMax = 64 * 1024;
    /// A request's time grows by its body at this rate: bytes a second.
    static constexpr std::uint64_t kBodyRateMin = 64 * 1024;

    explicit HttpClient(HttpConfig config);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// Begins a request; nothing moves before poll().
    [[nodiscard]] HttpTicket send(HttpRequest request);
    /// Moves requests along, waits at most `wait` for news (not at all when none is under way), and
    /// returns what ended.
    [[nodiscard]] std::vector<HttpFinished> poll(Nanoseconds wait);
    /// How many are under way.
    [[nodiscard]] std::size_t pending() const noexcept;
    /// Drops all requests and connections.
    void cancel_all();

    /// One request alone, waited for. Precondition: none under way. For probes.
    [[nodiscard]] Result<HttpResponse> call(HttpRequest request);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// One request by a client of its own that gives up after `bound`: for the probes of a sink.
[[nodiscard]] Result<HttpResponse> call_within(
    HttpConfig config, Nanoseconds bound, HttpRequest request
);

/// What a request without an answer means to a runner: denied is `configuration` (certificates),
/// the rest `transient`.
[[nodiscard]] SinkFailure failure_of(const Error& error);

/// What an answer that is no success means to a runner: 401, 403 and 407 are `credentials`, 429 and
/// 503 `throttled` with their Retry-After, 408, other 5xx and what is no error `transient`, the
/// rest `configuration`. The message has the status and the beginning of the body.
[[nodiscard]] SinkFailure failure_of(const HttpResponse& response, Nanoseconds wall);
[[nodiscard]] FailureClass class_of_status(int status) noexcept;

/// The value of an Authorization header for a user (RFC 7617).
[[nodiscard]] std::string basic_authorization(const std::string& user, const Secret& password);

/// The value of Retry-After in seconds or as an HTTP date; nothing when it is neither. At most a
/// day.
[[nodiscard]] std::optional<Nanoseconds> retry_after(
    const HttpResponse& response, Nanoseconds wall
);

/// When the far side says that it answered; nothing when it does not say.
[[nodiscard]] std::optional<Nanoseconds> date_of(const HttpResponse& response);

/// The beginning of an answer's body for an operator: one line, at most 300 bytes.
[[nodiscard]] std::string excerpt(std::string_view body);

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::TlsConfig> {
    static Table<sinks::TlsConfig> table();
    static void check(const sinks::TlsConfig&, const Origin&, Problems&);
};

template <>
struct penstock::config::Fields<penstock::sinks::HttpConfig> {
    static Table<sinks::HttpConfig> table();
};
