#include "sinks/document/elasticsearch.h"

#include "base/json_text.h"
#include "sinks/attribute.h"
#include "sinks/batch_sink.h"
#include "sinks/document/bulk_answer.h"
#include "sinks/encode/gzip.h"
#include "sinks/transport/url.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

/// Room for the outcomes of 10,000 documents, some with their reasons. A longer answer has its
/// request sent again in parts.
constexpr std::size_t kAnswerMax = std::size_t{4} << 20U;

/// Of an answer only what judge_bulk() reads.
std::string bulk_url(Url url) {
    if (url.path.ends_with('/')) url.path.pop_back();
    url.path += "/_bulk";
    url.query =
        "filter_path=items.*.status,items.*.error.type,items.*.error.reason,"
        "items.*.error.caused_by.reason";
    return url.text();
}

class ElasticsearchSink final : public BatchSink {
public:
    ElasticsearchSink(
        const ElasticsearchConfig& config,
        const SinkContext& context,
        const Url& endpoint,
        NameTemplate index
    )
        : BatchSink(
              {config.batch_records, config.batch_size.value, config.batch_age.count()},
              config.retry,
              context
          ),
          config_(config),
          url_(bulk_url(endpoint)),
          journal_(context.journal.text()),
          index_(std::move(index)),
          encoder_(config.output, context.journal),
          client_(config.http) {
        append_json_string(config.timestamp, timestamp_key_);
        timestamp_key_ += ':';
        const auto& rename = config.output.rename;
        own_timestamp_ = std::any_of(rename.begin(), rename.end(), [&](const auto& pair) {
            return pair.second == config.timestamp;
        });
    }

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
    [[nodiscard]] HttpRequest request(std::string_view body, bool gzipped) const;
    void append_document(Lsn lsn, const RecordView& record, std::string& out) const;
    [[nodiscard]] Outcome judge(const HttpResponse& response) const;

    const ElasticsearchConfig config_;
    const std::string url_;
    const std::string journal_;
    const NameTemplate index_;
    const OutputEncoder encoder_;
    const RecordName event_time_ = *RecordName::parse("_penstock.eventTime");
    std::string timestamp_key_;
    bool own_timestamp_ = false;  // the settings give a field that name
    HttpClient client_;
    std::string packed_;         // the body under way, when compressed
    std::size_t documents_ = 0;  // in the request under way
    std::string name_;
};

void ElasticsearchSink::append_document(Lsn lsn, const RecordView& record, std::string& out) const {
    const std::size_t begin = out.size();
    encoder_.append(lsn, record, out);
    if (own_timestamp_ || record.find(config_.timestamp)) return;
    std::string first = timestamp_key_;
    if (!event_time_.append_json(journal_, lsn, record, first)) return;
    if (out[begin + 1] != '}') first += ',';
    out.insert(begin + 1, first);
}

std::optional<std::string> ElasticsearchSink::encode(
    Lsn lsn, const RecordView& record, std::string& entry
) {
    entry += R"({"create":{"_index":)";
    append_json_string(index_.of(record, name_), entry);
    entry += R"(,"_id":")" + journal_ + '-' + std::to_string(lsn.value) + "\"}}\n";
    const std::size_t begin = entry.size();
    append_document(lsn, record, entry);
    if (entry.size() - begin > config_.record_max.value) return "larger than record_max";
    entry += '\n';
    return std::nullopt;
}

HttpRequest ElasticsearchSink::request(std::string_view body, bool gzipped) const {
    HttpRequest request{"POST", url_, {"Content-Type: application/x-ndjson"}, body, kAnswerMax};
    if (gzipped) request.headers.emplace_back("Content-Encoding: gzip");
    if (!config_.user.empty()) {
        request.headers.push_back(
            "Authorization: " + basic_authorization(config_.user, config_.password)
        );
    }
    if (!config_.api_key.empty()) {
        request.headers.push_back("Authorization: ApiKey " + std::string(config_.api_key.reveal()));
    }
    return request;
}

Result<std::size_t> ElasticsearchSink::send(Sift& part) {
    std::string_view body = part.body();
    if (config_.gzip) {
        packed_ = gzip(body);
        body = packed_;
    }
    documents_ = part.lines();
    static_cast<void>(client_.send(request(body, config_.gzip)));
    return body.size();
}

std::optional<BatchSink::Outcome> ElasticsearchSink::receive(Nanoseconds wait) {
    const std::vector<HttpFinished> finished = client_.poll(wait);
    if (finished.empty()) return std::nullopt;
    const Result<HttpResponse>& response = finished.front().outcome;
    if (response.ok()) return judge(*response);
    Outcome outcome;
    outcome.answer.failure = failure_of(response.error());
    outcome.answer.reason = response.error().message;
    if (response.error().code == Errc::too_large) outcome.answer.verdict = WriteVerdict::too_large;
    return outcome;
}

BatchSink::Outcome ElasticsearchSink::judge(const HttpResponse& response) const {
    Outcome outcome;
    if (!response.success()) {
        outcome.answer.failure = failure_of(response, clock().wall());
        outcome.answer.reason = outcome.answer.failure.message;
        if (response.status == 413) outcome.answer.verdict = WriteVerdict::too_large;
        return outcome;
    }
    Result<BulkAnswer> bulk = judge_bulk(response.body, documents_);
    if (!bulk.ok()) {
        outcome.answer.failure.message = bulk.error().message;
    } else if (bulk->failure) {
        outcome.answer.failure = *std::move(bulk->failure);
    } else {
        outcome.answer.verdict = WriteVerdict::confirmed;
        outcome.again = std::move(bulk->again);
        outcome.refused = std::move(bulk->refused);
        outcome.trouble = std::move(bulk->why);
    }
    return outcome;
}

/// A request without documents: a server that lets us in misses them.
Status ElasticsearchSink::probe(Nanoseconds bound) {
    const auto response = call_within(config_.http, bound, request({}, false));
    if (!response.ok()) return response.error();
    if (response->success() || response->body.find("body is required") != std::string::npos)
        return {};
    const SinkFailure failure = failure_of(*response, clock().wall());
    const bool denied = failure.kind == FailureClass::credentials;
    return Error{denied ? Errc::denied : Errc::unavailable, failure.message};
}

}  // namespace

Result<std::unique_ptr<Sink>> make_elasticsearch_sink(
    const ElasticsearchConfig& config, const SinkContext& context
) {
    PS_TRY(const Url endpoint, Url::parse(config.endpoint));
    PS_TRY(NameTemplate index, NameTemplate::parse(config.index, elasticsearch_index_rules()));
    return std::unique_ptr<Sink>(
        std::make_unique<ElasticsearchSink>(config, context, endpoint, std::move(index))
    );
}

SinkKind elasticsearch_kind() {
    return sink_kind<ElasticsearchConfig>(
        "elasticsearch", "Documents for Elasticsearch or OpenSearch.", make_elasticsearch_sink
    );
}

}  // namespace penstock::sinks
