#include "ingest/http/answer.h"

#include "base/http_date.h"
#include "base/http_status.h"
#include "base/json_text.h"

namespace penstock::ingest::http {
namespace {

std::string_view extra_headers(unsigned status) noexcept {
    switch (status) {
        case 401:
            return "WWW-Authenticate: Basic realm=\"penstock\", charset=\"UTF-8\"\r\n"
                   "WWW-Authenticate: Bearer realm=\"penstock\"\r\n";
        case 405:
            return "Allow: POST\r\n";
        case 415:
            return "Accept-Encoding: gzip, zstd\r\n";
        case 429:
        case 503:
            return "Retry-After: 1\r\n";
        default:
            return {};
    }
}

std::string_view connection_header(const AnswerHead& head) noexcept {
    if (!head.keep_alive) return "Connection: close\r\n";
    return head.modern ? std::string_view{} : std::string_view("Connection: keep-alive\r\n");
}

void append_count(std::string& out, std::string_view name, std::uint32_t value) {
    out += name;
    append_json_number(std::uint64_t{value}, out);
}

}  // namespace

void Tally::add(std::uint32_t index, const Reply& reply) {
    if (reply.kind == Reply::Kind::accepted) {
        ++accepted_;
        return;
    }
    const bool kept = reply.kind == Reply::Kind::quarantined;
    ++(kept ? quarantined_ : refused_);
    if (!kept) last_refusal_ = reply.refusal;
    if (listed_ == kListedMax) return;
    if (listed_++ != 0) results_ += ',';
    append_count(results_, "{\"index\":", index);
    results_ += kept ? ",\"result\":\"quarantined\"" : ",\"result\":\"refused\"";
    results_ += ",\"code\":";
    append_json_string(name(reply.refusal), results_);
    results_ += ",\"reason\":";
    append_json_string(reply.reason, results_);
    if (!reply.pointer.empty()) {
        results_ += ",\"pointer\":";
        append_json_string(reply.pointer, results_);
    }
    results_ += '}';
}

unsigned Tally::status() const noexcept {
    if (refused_ == 0) return 200;
    if (kept() == 0 && last_refusal_ == Refusal::unrouted) return 404;
    if (kept() == 0 && refused_ == 1 && last_refusal_ == Refusal::too_large) return 413;
    return 422;
}

std::string Tally::json() const {
    std::string out;
    out.reserve(64 + results_.size());
    append_count(out, "{\"accepted\":", accepted_);
    append_count(out, ",\"quarantined\":", quarantined_);
    append_count(out, ",\"refused\":", refused_);
    out += ",\"results\":[";
    out += results_;
    out += ']';
    if (quarantined_ + refused_ > listed_) out += ",\"truncated\":true";
    out += "}\n";
    return out;
}

std::string problem_json(const Problem& problem) {
    std::string out = "{\"error\":";
    append_json_string(problem.code, out);
    out += ",\"message\":";
    append_json_string(problem.message, out);
    if (problem.at_position) {
        out += ",\"position\":";
        append_json_number(std::uint64_t{problem.position}, out);
    }
    out += "}\n";
    return out;
}

void append_answer(std::string& out, const AnswerHead& head, std::string_view json) {
    out.reserve(out.size() + 256 + json.size());
    append_count(out, head.modern ? "HTTP/1.1 " : "HTTP/1.0 ", head.status);
    out += ' ';
    out += http_reason(head.status);
    out += "\r\nDate: ";
    append_http_date(head.date, out);
    out += "\r\nContent-Type: application/json\r\nContent-Length: ";
    append_json_number(std::uint64_t{json.size()}, out);
    out += "\r\n";
    out += extra_headers(head.status);
    out += connection_header(head);
    out += "\r\n";
    if (!head.head_only) out += json;
}

}  // namespace penstock::ingest::http
