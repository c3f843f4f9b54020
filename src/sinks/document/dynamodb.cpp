#include "sinks/document/dynamodb.h"

#include "base/iso_time.h"
#include "base/json_text.h"
#include "sinks/batch_sink.h"
#include "sinks/document/attribute_value.h"
#include "sinks/document/batch_write.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

/// Room for an answer that gives back every item, however it escapes texts. A longer one has its
/// request sent again in parts.
constexpr std::size_t kAnswerMin = 64UL * 1024;
constexpr std::size_t kEscapeMax = 6;

class DynamodbSink final : public BatchSink {
public:
    DynamodbSink(const DynamodbConfig& config, const SinkContext& context, NameTemplate partition)
        : BatchSink(
              {config.batch_records, config.batch_size.value, config.batch_age.count()},
              config.retry,
              context
          ),
          config_(config),
          journal_(context.journal.text()),
          partition_(std::move(partition)),
          encoder_(config.output, context.journal),
          attributes_(config.partition_key, config.sort_key),
          service_(dynamodb_service(config, *context.clock)),
          client_(config.http) {}

    [[nodiscard]] Status probe(Nanoseconds bound) override;

private:
    [[nodiscard]] std::optional<std::string> encode(
        Lsn lsn, const RecordView& record, std::string& entry
    ) override;
    [[nodiscard]] bool joins(const RecordView& record) override;
    void begin_batch() override { partitions_.clear(); }
    [[nodiscard]] Result<std::size_t> send(Sift& part) override;
    [[nodiscard]] std::optional<Outcome> receive(Nanoseconds wait) override;
    void cancel() override {
        if (client_.pending() > 0) client_.cancel_all();
    }
    [[nodiscard]] std::string_view partition_of(const RecordView& record);
    [[nodiscard]] std::string sort_of(Lsn lsn, const RecordView& record) const;
    [[nodiscard]] Outcome judge(const HttpResponse& response) const;

    const DynamodbConfig config_;
    const std::string journal_;
    const NameTemplate partition_;
    const OutputEncoder encoder_;
    const AttributeWriter attributes_;
    AwsJson service_;
    HttpClient client_;
    /// Of the batch in the making, where the partition key alone tells items apart.
    std::unordered_set<std::string> partitions_;
    std::string body_;                       // of the request under way
    std::vector<std::string_view> entries_;  // in it
    std::string data_;
    std::string name_;
};

std::string_view DynamodbSink::partition_of(const RecordView& record) {
    const std::string_view name = partition_.of(record, name_);
    return name.empty() ? std::string_view("-") : name;  // a key has at least one character
}

/// As text it sorts like what it stands for: a journal's LSNs by number, times by time.
std::string DynamodbSink::sort_of(Lsn lsn, const RecordView& record) const {
    constexpr std::size_t kDigits = 9;
    std::string text;
    if (config_.sort_value == DynamodbSort::time) {
        append_iso_time(record.event_time(), text);
        text.pop_back();
        text.append(text.find('.') + 1 + kDigits - text.size(), '0');
        text += "Z#";
    }
    return text + fmt::format("{}-{:020}", journal_, lsn.value);
}

bool DynamodbSink::joins(const RecordView& record) {
    return !config_.sort_key.empty() || !partitions_.contains(std::string(partition_of(record)));
}

std::optional<std::string> DynamodbSink::encode(
    Lsn lsn, const RecordView& record, std::string& entry
) {
    const std::string_view partition = partition_of(record);
    entry += R"({"PutRequest":{"Item":{)";
    append_json_string(config_.partition_key, entry);
    entry += R"(:{"S":)";
    append_json_string(partition, entry);
    entry += '}';
    std::size_t size = config_.partition_key.size() + partition.size();
    if (!config_.sort_key.empty()) {
        const std::string sort = sort_of(lsn, record);
        entry += ',';
        append_json_string(config_.sort_key, entry);
        entry += R"(:{"S":")" + sort + "\"}";
        size += config_.sort_key.size() + sort.size();
    }
    data_.clear();
    encoder_.append(lsn, record, data_);
    const Result<std::size_t> attributes = attributes_.append(data_, entry);
    if (!attributes.ok()) return attributes.error().message;
    if (size + *attributes > config_.record_max.value) return "larger than record_max";
    entry += "}}},";
    if (config_.sort_key.empty()) partitions_.emplace(partition);
    return std::nullopt;
}

Result<std::size_t> DynamodbSink::send(Sift& part) {
    std::string_view items = part.body();
    items.remove_suffix(1);
    body_ = R"({"RequestItems":{")" + config_.table + "\":[";
    body_ += items;
    body_ += "]}}";
    entries_.clear();
    for (std::size_t i = 0; i < part.lines(); ++i) {
        const std::string_view entry = part.text(i);
        entries_.push_back(entry.substr(0, entry.size() - 1));
    }
    const std::size_t answer_max = kAnswerMin + kEscapeMax * body_.size();
    PS_TRY(HttpRequest request, service_.request("BatchWriteItem", body_, answer_max));
    static_cast<void>(client_.send(std::move(request)));
    return body_.size();
}

std::optional<BatchSink::Outcome> DynamodbSink::receive(Nanoseconds wait) {
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

BatchSink::Outcome DynamodbSink::judge(const HttpResponse& response) const {
    Outcome outcome;
    if (!response.success()) {
        outcome.answer = judge_batch_write(response, clock().wall());
        return outcome;
    }
    auto again = unprocessed(
        response.body, config_.table, config_.partition_key, config_.sort_key, entries_
    );
    if (!again.ok()) {
        outcome.answer.failure.message = again.error().message;
        return outcome;
    }
    outcome.answer.verdict = WriteVerdict::confirmed;
    outcome.again = *std::move(again);
    if (!outcome.again.empty()) {
        const std::string text =
            fmt::format("{} of {} items were not processed", outcome.again.size(), entries_.size());
        outcome.trouble = SinkFailure{FailureClass::throttled, text, std::nullopt};
    }
    return outcome;
}

/// Asks for the table.
Status DynamodbSink::probe(Nanoseconds bound) {
    const std::string body = R"({"TableName":")" + config_.table + "\"}";
    PS_TRY(HttpRequest request, service_.request("DescribeTable", body, kAnswerMin));
    PS_TRY(const HttpResponse response, call_within(config_.http, bound, std::move(request)));
    return aws_may_write(response, clock().wall());
}

}  // namespace

AwsJson dynamodb_service(const DynamodbConfig& config, const Clock& clock) {
    return {
        {"dynamodb", "DynamoDB_20120810", "1.0"},
        config.endpoint,
        config.region,
        config.credentials,
        clock
    };
}

Result<std::unique_ptr<Sink>> make_dynamodb_sink(
    const DynamodbConfig& config, const SinkContext& context
) {
    PS_TRY(
        NameTemplate partition,
        NameTemplate::parse(config.partition_value, dynamodb_partition_rules())
    );
    return std::unique_ptr<Sink>(
        std::make_unique<DynamodbSink>(config, context, std::move(partition))
    );
}

SinkKind dynamodb_kind() {
    return sink_kind<DynamodbConfig>(
        "dynamodb",
        "Items of a table of Amazon DynamoDB, and of services that speak its API.",
        make_dynamodb_sink
    );
}

}  // namespace penstock::sinks
