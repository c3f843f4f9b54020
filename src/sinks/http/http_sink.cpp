#include "sinks/http/http_sink.h"

#include "sinks/encode/gzip.h"
#include "sinks/series/sift.h"
#include "sinks/transport/digest.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

FailureClass class_of(int status) {
    if (status == 401 || status == 403 || status == 407) return FailureClass::credentials;
    if (status == 429 || status == 503) return FailureClass::throttled;
    if (status == 408 || status >= 500 || status < 400) return FailureClass::transient;
    return FailureClass::configuration;
}

class HttpSink final : public Sink {
public:
    HttpSink(const HttpPostConfig& config, const SinkContext& context)
        : config_(config),
          clock_(*context.clock),
          journal_(context.journal.text()),
          encoder_(config.output, context.journal),
          client_(config.http) {}

    [[nodiscard]] bool put(Lsn lsn, const RecordView& record) override;
    void skip(Lsn lsn) override;
    void flush() override { flushing_ = !filling_.lines.empty(); }
    [[nodiscard]] SinkProgress poll(Nanoseconds wait) override;
    void reset(Lsn safe) override;
    [[nodiscard]] Status probe(Nanoseconds bound) override;

private:
    [[nodiscard]] bool full() const noexcept {
        return filling_.lines.size() >= config_.batch_records ||
               filling_.body.size() >= config_.batch_size.value;
    }
    [[nodiscard]] bool due() const noexcept;
    void advance();
    void send_part();
    [[nodiscard]] std::vector<std::string> headers(std::string_view body) const;
    void answered(const HttpResponse& response, SinkProgress& progress);
    [[nodiscard]] WriteAnswer judge(const HttpResponse& response) const;
    void fail(SinkFailure failure, SinkProgress& progress);
    [[nodiscard]] Nanoseconds quiet_for() const noexcept;

    const HttpPostConfig config_;
    const Clock& clock_;
    const std::string journal_;
    const OutputEncoder encoder_;

    HttpClient client_;
    LineBatch filling_;
    bool flushing_ = false;
    std::optional<Sift> sending_;
    bool waiting_ = false;  // for an answer
    std::string body_;      // of the request under way
    Lsn safe_;
    bool failed_ = false;
    std::vector<RefusedRecord> refused_;
    std::uint64_t sent_records_ = 0;
    std::uint64_t sent_bytes_ = 0;
};

bool HttpSink::due() const noexcept {
    if (filling_.lines.empty()) return false;
    return flushing_ || full() || clock_.monotonic() - filling_.opened >= config_.batch_age.count();
}

bool HttpSink::put(Lsn lsn, const RecordView& record) {
    if (full()) advance();
    if (failed_ || full()) return false;
    const std::size_t begin = filling_.body.size();
    encoder_.append(lsn, record, filling_.body);
    if (filling_.body.find('\n', begin) != std::string::npos) {
        filling_.body.resize(begin);
        refused_.push_back({lsn, "the payload has line breaks, a body of lines cannot hold it"});
        skip(lsn);
        return true;
    }
    filling_.body += '\n';
    if (filling_.lines.empty()) filling_.opened = clock_.monotonic();
    filling_.lines.push_back({lsn, begin, filling_.body.size() - begin, record.event_time()});
    filling_.last = lsn;
    return true;
}

void HttpSink::skip(Lsn lsn) {
    filling_.last = lsn;
    if (filling_.lines.empty() && !sending_) safe_ = lsn;
}

void HttpSink::advance() {
    if (failed_ || sending_ || !due()) return;
    const Lsn last = filling_.last;
    sending_.emplace(std::exchange(filling_, LineBatch{}));
    filling_.last = last;
    flushing_ = false;
    send_part();
}

std::vector<std::string> HttpSink::headers(std::string_view body) const {
    std::vector<std::string> lines;
    const bool lines_of_json = config_.body == HttpBody::ndjson;
    lines.emplace_back(
        lines_of_json ? "Content-Type: application/x-ndjson" : "Content-Type: application/json"
    );
    if (config_.gzip) lines.emplace_back("Content-Encoding: gzip");
    if (!config_.bearer_token.empty()) {
        lines.push_back("Authorization: Bearer " + std::string(config_.bearer_token.reveal()));
    }
    if (!config_.hmac_key.empty()) {
        lines.push_back(
            config_.hmac_header + ": sha256=" + hex(hmac_sha256(config_.hmac_key.reveal(), body))
        );
    }
    for (const auto& [name, value] : config_.headers)
        lines.push_back(name + ": " + value);
    return lines;
}

void HttpSink::send_part() {
    const std::string_view part = sending_->body();
    if (config_.body == HttpBody::array) {
        body_ = '[';
        body_ += part.substr(0, part.size() - 1);  // the last line feed
        std::replace(body_.begin(), body_.end(), '\n', ',');
        body_ += ']';
    } else {
        body_ = part;
    }
    if (config_.gzip) body_ = gzip(body_);
    HttpRequest request{"POST", config_.url, headers(body_), body_};
    const auto [first, last] = sending_->range();
    request.headers.push_back(
        "Penstock-Batch: " + journal_ + '-' + std::to_string(first.value) + '-' +
        std::to_string(last.value)
    );
    static_cast<void>(client_.send(std::move(request)));
    waiting_ = true;
    sent_records_ += sending_->lines();
    sent_bytes_ += body_.size();
}

SinkProgress HttpSink::poll(Nanoseconds wait) {
    SinkProgress progress;
    advance();
    for (const HttpFinished& one : client_.poll(wait)) {
        waiting_ = false;
        if (one.outcome.ok()) {
            answered(*one.outcome, progress);
        } else {
            fail(failure_of(one.outcome.error()), progress);
        }
    }
    advance();
    progress.safe = safe_;
    for (RefusedRecord& record : refused_)
        progress.refused.push_back(std::move(record));
    refused_.clear();
    progress.sent_records = std::exchange(sent_records_, 0);
    progress.sent_bytes = std::exchange(sent_bytes_, 0);
    progress.quiet_for = quiet_for();
    return progress;
}

Nanoseconds HttpSink::quiet_for() const noexcept {
    if (waiting_) return 0;
    if (filling_.lines.empty()) return kSecond;
    const Nanoseconds due_at = filling_.opened + config_.batch_age.count();
    return std::clamp<Nanoseconds>(due_at - clock_.monotonic(), kMillisecond, kSecond);
}

/// What an answer says about the records of its request.
WriteAnswer HttpSink::judge(const HttpResponse& response) const {
    WriteAnswer answer;
    answer.reason = "HTTP " + std::to_string(response.status);
    if (!response.body.empty()) answer.reason += ": " + excerpt(response.body);
    const auto& blaming = config_.refused_statuses;
    const auto status = static_cast<std::uint32_t>(response.status);
    if (response.success()) {
        answer.verdict = WriteVerdict::confirmed;
    } else if (response.status == 413) {
        answer.verdict = WriteVerdict::too_large;
    } else if (std::find(blaming.begin(), blaming.end(), status) != blaming.end()) {
        answer.verdict = WriteVerdict::bad_records;
    } else {
        answer.failure.kind = class_of(response.status);
        answer.failure.message = answer.reason;
        answer.failure.retry_after = retry_after(response, clock_.wall());
    }
    return answer;
}

void HttpSink::answered(const HttpResponse& response, SinkProgress& progress) {
    WriteAnswer answer = judge(response);
    if (answer.verdict == WriteVerdict::failed) return fail(std::move(answer.failure), progress);
    if (answer.verdict == WriteVerdict::confirmed) {
        sending_->confirmed();
    } else {
        for (RefusedRecord& record : sending_->complained(answer))
            refused_.push_back(std::move(record));
    }
    if (!sending_->done()) return send_part();
    safe_ = sending_->last();
    sending_.reset();
    if (filling_.lines.empty()) safe_ = std::max(safe_, filling_.last);
}

void HttpSink::fail(SinkFailure failure, SinkProgress& progress) {
    failed_ = true;
    progress.failure = std::move(failure);
}

void HttpSink::reset(Lsn safe) {
    if (client_.pending() > 0) client_.cancel_all();
    filling_ = LineBatch{};
    filling_.last = safe;
    flushing_ = false;
    sending_.reset();
    waiting_ = false;
    refused_.clear();
    safe_ = safe;
    failed_ = false;
}

/// Can the server be reached? What it says of a HEAD is its own affair, but for the login.
Status HttpSink::probe(Nanoseconds bound) {
    const auto response = call_within(config_.http, bound, {"HEAD", config_.url, headers({}), {}});
    if (!response.ok()) return response.error();
    if (class_of(response->status) != FailureClass::credentials) return {};
    return Error{Errc::denied, "HTTP " + std::to_string(response->status)};
}

}  // namespace

Result<std::unique_ptr<Sink>> make_http_sink(
    const HttpPostConfig& config, const SinkContext& context
) {
    return std::unique_ptr<Sink>(std::make_unique<HttpSink>(config, context));
}

SinkKind http_kind() {
    return sink_kind<HttpPostConfig>(
        "http", "Batches of records, posted to a URL.", make_http_sink
    );
}

}  // namespace penstock::sinks
