#pragma once

#include "penstock/clock.h"
#include "penstock/intake.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// What a client gets to hear. Every body is one JSON object:
///
///     {"accepted":2,"quarantined":1,"refused":0,"results":[
///        {"index":1,"result":"quarantined","code":"invalid_field","reason":"...","pointer":"/heartRate"}]}
///     {"error":"unknown_stream","message":"no stream has this name"}
namespace penstock::ingest::http {

/// Counts the records of a request and lists those that were not simply accepted.
/// Bound: 1000 listed; more are counted, and the answer says `"truncated":true`.
/// Threads: owner.
class Tally {
public:
    static constexpr std::uint32_t kListedMax = 1000;

    void add(std::uint32_t index, const Reply& reply);

    [[nodiscard]] std::uint32_t kept() const noexcept { return accepted_ + quarantined_; }
    [[nodiscard]] std::uint32_t refused() const noexcept { return refused_; }
    [[nodiscard]] Refusal last_refusal() const noexcept { return last_refusal_; }
    /// 200 when all were kept, 422 when some were refused; for a single record also 404 and 413.
    [[nodiscard]] unsigned status() const noexcept;
    /// The body of the answer.
    [[nodiscard]] std::string json() const;

private:
    std::uint32_t accepted_ = 0;
    std::uint32_t quarantined_ = 0;
    std::uint32_t refused_ = 0;
    std::uint32_t listed_ = 0;
    Refusal last_refusal_ = Refusal::none;
    std::string results_;  // the inside of the list
};

/// An error of the request as a whole. All texts are constants, but for `position`.
struct Problem {
    unsigned status = 400;
    std::string_view code;
    std::string_view message;
    bool at_position = false;
    std::size_t position = 0;
};

/// The intake is closed, or does not answer in time.
inline constexpr Problem kBusy{
    503, "unavailable", "the node takes no records at the moment; send again"
};

[[nodiscard]] std::string problem_json(const Problem& problem);

struct AnswerHead {
    unsigned status = 200;
    bool keep_alive = true;
    bool modern = true;      // HTTP/1.1 client
    bool head_only = false;  // the answer to HEAD: no body
    Nanoseconds date = 0;    // wall time
};

/// Appends a whole answer. Adds Retry-After to 429 and 503, Allow to 405, WWW-Authenticate to 401,
/// Accept-Encoding to 415.
void append_answer(std::string& out, const AnswerHead& head, std::string_view json);

/// The interim answer (RFC 9110 section 15.2.1).
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace penstock::ingest::http
