#include "sinks/http/http_sink.h"

#include "sinks/batch_sink.h"
#include "sinks/encode/gzip.h"
#include "sinks/transport/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

class HttpSink final : public BatchSink {
public:
    HttpSink(const HttpPostConfig& config, const SinkContext& context)
        : BatchSink(
              {config.batch_records, config.batch_size.value, config.batch_age.count()},
              config.retry,
              context
          ),
          config_(config),
          journal_(context.journal.text()),
          encoder_(config.output, context.journal),
          client_(config.http) {}

    [[nodiscard]] Status probe(Nanoseconds bound) override;

private:
    [[nodiscard]] std::optional<std::string> encode(
        Lsn lsn, const RecordView& record, std::string& entry
    ) override;
    [[nodiscard]] Result<std::size_t> send(Sift& part) override;
    [[nodiscard]] std::optional<Outcome> receive(Nanoseconds wait) override;
    void cancel() override {
        if (client_.pending() > 0) client_.cancel_all();
    }
    [[nodiscard]] std::vector<std::string> headers(std::string_view body) const;
    [[nodiscard]] WriteAnswer judge(const HttpResponse& response) const;

    const HttpPostConfig config_;
    const std::string journal_;
    const OutputEncoder encoder_;
    HttpClient client_;
    std::string body_;  // of the request under way
};

std::optional<std::string> HttpSink::encode(Lsn lsn, const RecordView& record, std::string& entry) {
    const std::size_t begin = entry.size();
    encoder_.append(lsn, record, entry);
    if (entry.find('\n', begin) != std::string::npos)
        return "the payload has line breaks, a body of lines cannot hold it";
    entry += '\n';
    return std::nullopt;
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
    for (const auto& [name, value] : config_.headers) {
        std::string& line = lines.emplace_back(name);
        line += ": ";
        line += value;
    }
    return lines;
}

Result<std::size_t> HttpSink::send(Sift& part) {
    const std::string_view lines = part.body();
    if (config_.body == HttpBody::array) {
        body_ = '[';
        body_ += lines.substr(0, lines.size() - 1);  // the last line feed
        std::replace(body_.begin(), body_.end(), '\n', ',');
        body_ += ']';
    } else {
        body_ = lines;
    }
    if (config_.gzip) body_ = gzip(body_);
    HttpRequest request{"POST", config_.url, headers(body_), body_};
    const auto [first, last] = part.range();
    request.headers.push_back(
        fmt::format("Penstock-Batch: {}-{}-{}", journal_, first.value, last.value)
    );
    static_cast<void>(client_.send(std::move(request)));
    return body_.size();
}

std::optional<BatchSink::Outcome> HttpSink::receive(Nanoseconds wait) {
    const std::vector<HttpFinished> finished = client_.poll(wait);
    if (finished.empty()) return std::nullopt;
    const Result<HttpResponse>& response = finished.front().outcome;
    Outcome outcome;
    if (response.ok()) {
        outcome.answer = judge(*response);
    } else {
        outcome.answer.failure = failure_of(response.error());
    }
    return outcome;
}

/// What an answer says about the records of its request.
WriteAnswer HttpSink::judge(const HttpResponse& response) const {
    WriteAnswer answer;
    answer.failure = failure_of(response, clock().wall());
    answer.reason = answer.failure.message;
    const auto& blaming = config_.refused_statuses;
    const auto status = static_cast<std::uint32_t>(response.status);
    if (response.success()) {
        answer.verdict = WriteVerdict::confirmed;
    } else if (response.status == 413) {
        answer.verdict = WriteVerdict::too_large;
    } else if (std::find(blaming.begin(), blaming.end(), status) != blaming.end()) {
        answer.verdict = WriteVerdict::bad_records;
    }
    return answer;
}

/// Can the server be reached? What it says of a HEAD is its own affair, but for the login.
Status HttpSink::probe(Nanoseconds bound) {
    const auto response = call_within(config_.http, bound, {"HEAD", config_.url, headers({}), {}});
    if (!response.ok()) return response.error();
    const SinkFailure failure = failure_of(*response, clock().wall());
    if (failure.kind != FailureClass::credentials) return {};
    return Error{Errc::denied, failure.message};
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
