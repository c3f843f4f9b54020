#include "sinks/stream/kinesis.h"

#include "base/base64.h"
#include "base/json_text.h"
#include "base/text.h"
#include "sinks/retry.h"
#include "sinks/stream/in_flight.h"
#include "sinks/stream/kinesis_call.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

/// Bounds of what waits and is under way, in full requests.
constexpr std::size_t kWindowRequests = 8;

class KinesisSink final : public Sink {
public:
    KinesisSink(
        const KinesisConfig& config, const SinkContext& context, std::optional<NameTemplate> key
    )
        : config_(config),
          clock_(*context.clock),
          encoder_(config.output, context.journal),
          key_(std::move(key)),
          service_(kinesis_service(config, *context.clock)),
          client_(config.http),
          random_(context.seed),
          pause_(config.retry, context.seed) {}

    [[nodiscard]] bool put(Lsn lsn, const RecordView& record) override;
    void skip(Lsn lsn) override { in_flight_.skip(lsn); }
    void flush() override { flushing_ = true; }
    [[nodiscard]] SinkProgress poll(Nanoseconds wait) override;
    void reset(Lsn safe) override;
    [[nodiscard]] Status probe(Nanoseconds bound) override;

private:
    struct Item {
        std::string entry;      // as it stands in a request
        std::uint64_t key = 0;  // hash of the partition key
        std::size_t size = 0;   // as the service counts it: data and key
        Nanoseconds since = 0;
    };
    using Items = std::map<InFlight::Ticket, Item>;
    struct Request {
        Items items;
        std::unique_ptr<std::string> body;  // stays where it is until the answer
    };

    [[nodiscard]] bool full() const noexcept {
        return in_flight_.size() >= kWindowRequests * config_.batch_records ||
               in_flight_.bytes() >= kWindowRequests * config_.batch_size.value;
    }
    [[nodiscard]] std::string_view key_of(const RecordView& record);
    void advance(SinkProgress& progress);
    [[nodiscard]] Items next_items();
    void finished(HttpFinished one, SinkProgress& progress);
    void stored(Request request, std::vector<std::optional<SinkFailure>> outcomes);
    void fail(SinkFailure failure, SinkProgress& progress);
    [[nodiscard]] Nanoseconds quiet_for() const noexcept;

    const KinesisConfig config_;
    const Clock& clock_;
    const OutputEncoder encoder_;
    const std::optional<NameTemplate> key_;  // none: random
    AwsJson service_;
    HttpClient client_;
    std::mt19937_64 random_;

    InFlight in_flight_;
    Items waiting_;
    std::map<HttpTicket, Request> sent_;
    std::unordered_set<std::uint64_t> busy_;  // keys of the records in sent_
    bool flushing_ = false;
    bool failed_ = false;
    Retry pause_;
    Nanoseconds paused_until_ = 0;
    std::optional<SinkFailure> trouble_;
    Nanoseconds told_at_ = 0;
    std::vector<RefusedRecord> refused_;
    std::uint64_t sent_records_ = 0;
    std::uint64_t sent_bytes_ = 0;
    std::string data_;
    std::string name_;
};

std::string_view KinesisSink::key_of(const RecordView& record) {
    if (key_) {
        const std::string_view name = key_->of(record, name_);
        return name.empty() ? std::string_view("-") : name;  // a key has at least one character
    }
    const std::uint64_t bits[] = {random_(), random_()};
    name_.clear();
    text::append_hex(name_, {reinterpret_cast<const char*>(bits), sizeof bits});
    return name_;
}

bool KinesisSink::put(Lsn lsn, const RecordView& record) {
    if (failed_ || full()) return false;
    data_.clear();
    encoder_.append(lsn, record, data_);
    const std::string_view key = key_of(record);
    Item item;
    item.size = data_.size() + key.size();
    if (item.size > config_.record_max.value) {
        refused_.push_back({lsn, "larger than record_max"});
        skip(lsn);
        return true;
    }
    item.key = device_hash(key);
    item.since = clock_.monotonic();
    item.entry = "{\"Data\":\"";
    append_base64(data_, item.entry);
    item.entry += "\",\"PartitionKey\":";
    append_json_string(key, item.entry);
    item.entry += '}';
    const std::size_t size = item.size;
    waiting_.emplace(in_flight_.add(lsn, size), std::move(item));
    return true;
}

/// The oldest records that may go out together: of each key one, and none of a key that is under
/// way.
KinesisSink::Items KinesisSink::next_items() {
    Items items;
    std::unordered_set<std::uint64_t> passed;
    std::size_t size = 0;
    for (auto it = waiting_.begin(); it != waiting_.end();) {
        if (items.size() == config_.batch_records) break;
        const auto here = it++;
        const Item& item = here->second;
        const bool fits = items.empty() || size + item.size <= config_.batch_size.value;
        if (!passed.insert(item.key).second || busy_.contains(item.key) || !fits) continue;
        size += item.size;
        items.insert(waiting_.extract(here));
    }
    return items;
}

void KinesisSink::advance(SinkProgress& progress) {
    while (!failed_ && !waiting_.empty() && sent_.size() < config_.connections) {
        const Nanoseconds now = clock_.monotonic();
        const bool due = flushing_ || waiting_.size() >= config_.batch_records || full() ||
                         now - waiting_.begin()->second.since >= config_.batch_age.count();
        if (!due || now < paused_until_) return;
        Request request{next_items(), std::make_unique<std::string>()};
        if (request.items.empty()) return;
        std::string& body = *request.body;
        body = "{\"StreamName\":\"" + config_.stream + "\",\"Records\":[";
        for (const auto& [ticket, item] : request.items) {
            if (body.back() == '}') body += ',';
            body += item.entry;
        }
        body += "]}";
        auto signed_request = service_.request("PutRecords", body, kKinesisAnswerMax);
        if (!signed_request.ok()) {
            return fail(
                {FailureClass::credentials, signed_request.error().message, {}, false}, progress
            );
        }
        sent_records_ += request.items.size();
        sent_bytes_ += body.size();
        for (const auto& [ticket, item] : request.items)
            busy_.insert(item.key);
        const HttpTicket ticket = client_.send(*std::move(signed_request));
        sent_.emplace(ticket, std::move(request));
    }
    if (waiting_.empty()) flushing_ = false;
}

void KinesisSink::stored(Request request, std::vector<std::optional<SinkFailure>> outcomes) {
    std::optional<SinkFailure> why;
    auto outcome = outcomes.begin();
    while (!request.items.empty()) {
        auto node = request.items.extract(request.items.begin());
        busy_.erase(node.mapped().key);
        if (std::optional<SinkFailure> one = std::move(*outcome++)) {
            why = std::move(one);
            waiting_.insert(std::move(node));
        } else {
            in_flight_.confirm(node.key());
        }
    }
    if (!why) return pause_.succeeded();
    const Nanoseconds now = clock_.monotonic();
    paused_until_ = now + pause_.next(why->kind, std::nullopt);
    if (told_at_ != 0 && now - told_at_ < kSecond) return;
    told_at_ = now;
    trouble_ = std::move(why);
}

void KinesisSink::finished(HttpFinished one, SinkProgress& progress) {
    auto node = sent_.extract(one.ticket);
    if (node.empty() || failed_) return;
    if (!one.outcome.ok()) return fail(failure_of(one.outcome.error()), progress);
    const HttpResponse& response = *one.outcome;
    if (!response.success()) return fail(aws_failure(response, clock_.wall()), progress);
    auto outcomes = put_outcomes(response.body, node.mapped().items.size());
    if (!outcomes.ok()) {
        return fail({FailureClass::transient, outcomes.error().message, {}, false}, progress);
    }
    stored(std::move(node.mapped()), *std::move(outcomes));
}

SinkProgress KinesisSink::poll(Nanoseconds wait) {
    SinkProgress progress;
    advance(progress);
    for (HttpFinished& one : client_.poll(wait))
        finished(std::move(one), progress);
    advance(progress);
    progress.safe = in_flight_.safe();
    progress.refused = std::exchange(refused_, {});
    progress.trouble = std::exchange(trouble_, std::nullopt);
    progress.sent_records = std::exchange(sent_records_, 0);
    progress.sent_bytes = std::exchange(sent_bytes_, 0);
    progress.quiet_for = quiet_for();
    return progress;
}

Nanoseconds KinesisSink::quiet_for() const noexcept {
    if (!sent_.empty()) return 0;
    if (waiting_.empty()) return kSecond;
    const Nanoseconds due_at =
        std::max(waiting_.begin()->second.since + config_.batch_age.count(), paused_until_);
    return std::clamp<Nanoseconds>(due_at - clock_.monotonic(), kMillisecond, kSecond);
}

void KinesisSink::fail(SinkFailure failure, SinkProgress& progress) {
    if (failed_) return;
    failed_ = true;
    progress.failure = std::move(failure);
}

void KinesisSink::reset(Lsn safe) {
    if (client_.pending() > 0) client_.cancel_all();
    in_flight_.reset(safe);
    waiting_.clear();
    sent_.clear();
    busy_.clear();
    flushing_ = false;
    paused_until_ = 0;
    trouble_.reset();
    refused_.clear();
    failed_ = false;
}

/// Asks for the stream.
Status KinesisSink::probe(Nanoseconds bound) {
    const std::string body = "{\"StreamName\":\"" + config_.stream + "\"}";
    PS_TRY(HttpRequest request, service_.request("DescribeStreamSummary", body, kKinesisAnswerMax));
    PS_TRY(const HttpResponse response, call_within(config_.http, bound, std::move(request)));
    return aws_may_write(response, clock_.wall());
}

}  // namespace

Result<std::unique_ptr<Sink>> make_kinesis_sink(
    const KinesisConfig& config, const SinkContext& context
) {
    std::optional<NameTemplate> key;
    if (!config.key.empty()) {
        PS_TRY(key, NameTemplate::parse(config.key, kinesis_key_rules()));
    }
    return std::unique_ptr<Sink>(std::make_unique<KinesisSink>(config, context, std::move(key)));
}

SinkKind kinesis_kind() {
    return sink_kind<KinesisConfig>(
        "kinesis",
        "Amazon Kinesis Data Streams, and services that speak its API.",
        make_kinesis_sink
    );
}

}  // namespace penstock::sinks
