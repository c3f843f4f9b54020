#include "sinks/stream/kafka.h"

#include "base/log.h"
#include "sinks/stream/in_flight.h"
#include "sinks/stream/kafka_errors.h"
#include "sinks/stream/kafka_inquiry.h"
#include "sinks/stream/kafka_producer.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

constexpr std::size_t kEventsPerPoll = 1000;
constexpr Nanoseconds kTroubleEvery = kSecond;
constexpr Nanoseconds kStalledAfter = 3 * kSecond;
constexpr Nanoseconds kReasonWait =
    100 * kMillisecond;                       // for the report that tells why a producer stopped
constexpr std::size_t kRecordOverhead = 256;  // what a record costs in flight beside its bytes

std::string_view decimal(std::uint64_t value, std::array<char, 20>& out) {
    const auto end = std::to_chars(out.data(), out.data() + out.size(), value).ptr;
    return {out.data(), static_cast<std::size_t>(end - out.data())};
}

class KafkaSink final : public Sink {
public:
    KafkaSink(
        const KafkaConfig& config, const SinkContext& context, NameTemplate topic, NameTemplate key
    )
        : config_(config),
          context_(context),
          journal_(context.journal.text()),
          encoder_(config.output, context.journal),
          topic_template_(std::move(topic)),
          key_template_(std::move(key)) {}
    ~KafkaSink() override { closer_.close(std::move(producer_)); }

    [[nodiscard]] bool put(Lsn lsn, const RecordView& record) override;
    void skip(Lsn lsn) override { window_.skip(lsn); }
    void flush() override { flushing_ = !pending_.empty(); }
    [[nodiscard]] SinkProgress poll(Nanoseconds wait) override;
    void reset(Lsn safe) override;
    [[nodiscard]] Status probe(Nanoseconds bound) override;

private:
    [[nodiscard]] bool full() const noexcept {
        return window_.size() >= config_.max_in_flight ||
               window_.bytes() >= config_.max_in_flight_size.value || burst_full();
    }
    [[nodiscard]] bool burst_full() const noexcept {
        return pending_.size() >= config_.batch_records ||
               pending_bytes_ >= config_.batch_size.value;
    }
    /// While looking for a record to blame: one at a time, and nothing behind the suspects.
    [[nodiscard]] bool held(Lsn lsn) noexcept {
        if (pace_ == KafkaPace::batches) return false;
        const bool passed = lsn > suspects_to_ && window_.empty();
        if (passed) suspects_to_ = window_.safe();
        return suspects_to_ <= window_.safe() || !window_.empty();
    }
    [[nodiscard]] std::string_view value_of(Lsn lsn, const RecordView& record);
    [[nodiscard]] std::string_view key_of(const RecordView& record);
    [[nodiscard]] Nanoseconds until_burst() const;
    void send_burst();
    [[nodiscard]] bool took(int code, InFlight::Ticket ticket);
    void connect(KafkaPace pace);
    [[nodiscard]] bool broken() const noexcept { return failed_ || stopped_; }
    void drain(Nanoseconds wait);
    void watch(bool moved);
    void complain(FailureClass kind, std::string message);
    void take(rd_kafka_event_t& event);
    void take_reports(rd_kafka_event_t& event);
    void take_report(const rd_kafka_message_t& report);
    void take_error(rd_kafka_event_t& event);
    void take_fatal();
    void take_log(rd_kafka_event_t& event) const;
    void blame(int code, InFlight::Ticket ticket);
    void fail(int code, const std::string& message);

    const KafkaConfig config_;
    const SinkContext context_;
    const std::string journal_;
    const OutputEncoder encoder_;
    const NameTemplate topic_template_;
    const NameTemplate key_template_;
    KafkaCloser closer_;
    std::shared_ptr<KafkaProducer> producer_;
    KafkaInquiry inquiry_;
    KafkaPace pace_ = KafkaPace::batches;
    Lsn suspects_to_;  // up to here a record may be to blame for a failed batch
    InFlight window_;
    // The next burst, of a batch at most: the library's thread does not sleep while it holds
    // records of a partition behind a request that is on its way. So it gets the next burst only
    // when all it had is confirmed, and a broker that hangs keeps no core busy.
    std::vector<KafkaMessage> pending_;
    std::size_t pending_bytes_ = 0;
    Nanoseconds pending_since_ = 0;
    InFlight::Ticket burst_end_ = 0;  // behind the burst that the library has
    bool flushing_ = false;
    std::string value_;  // of the record being put
    std::string topic_;
    std::string key_;
    SinkProgress news_;     // since the last poll
    bool failed_ = false;   // a failure was reported; nothing is put before reset()
    bool stopped_ = false;  // the producer stopped for a failed batch
    std::string stop_reason_;
    Nanoseconds stalled_since_ = 0;
    Nanoseconds trouble_at_ = -kTroubleEvery;
    std::string transport_error_;
};

bool KafkaSink::put(Lsn lsn, const RecordView& record) {
    if (!producer_ || broken() || full() || held(lsn)) return false;
    const std::string_view value = value_of(lsn, record);
    const std::string_view key = key_of(record);
    const std::size_t size = value.size() + key.size();
    const InFlight::Ticket ticket = window_.add(lsn, size + kRecordOverhead);
    const auto keep = [this, ticket](std::string_view text) -> std::string_view {
        if (text.data() == nullptr) return {};
        return {producer_->arena().keep(text, ticket), text.size()};
    };
    std::array<char, 20> digits{};
    KafkaMessage message;
    message.topic = keep(topic_template_.of(record, topic_));
    message.key = keep(key);
    message.value = keep(value);
    message.journal = journal_;
    message.lsn = keep(decimal(lsn.value, digits));
    message.stream = keep(record.stream());
    message.status = keep(record.status());
    message.timestamp_ms = record.arrival_time() / kMillisecond;
    message.ticket = ticket;
    if (pending_.empty()) pending_since_ = context_.clock->monotonic();
    pending_.push_back(message);
    pending_bytes_ += size;
    return true;
}

/// How long the next burst still gathers. While another is on its way: until that is confirmed.
Nanoseconds KafkaSink::until_burst() const {
    if (pending_.empty() || window_.front() < burst_end_) return kSecond;
    if (flushing_ || burst_full() || pace_ == KafkaPace::one_by_one) return 0;
    const Nanoseconds linger = std::chrono::nanoseconds(config_.linger).count();
    return pending_since_ + linger - context_.clock->monotonic();
}

void KafkaSink::send_burst() {
    if (!producer_ || broken() || until_burst() > 0) return;
    std::size_t sent = 0;
    for (; sent < pending_.size(); ++sent) {
        const KafkaMessage& message = pending_[sent];
        if (!took(producer_->produce(message), message.ticket)) break;
        const std::size_t size = message.value.size() + message.key.size();
        pending_bytes_ -= size;
        burst_end_ = message.ticket + 1;
        ++news_.sent_records;
        news_.sent_bytes += size;
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(sent));
    flushing_ = false;
}

/// What became of a produce call. False: the record was not taken.
bool KafkaSink::took(int code, InFlight::Ticket ticket) {
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
    if (kafka_blames_record(code)) {
        news_.refused.push_back({window_.lsn(ticket), kafka_error_text(code)});
        window_.confirm(ticket);
        return true;
    }
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail(code, kafka_error_text(code));
    return false;
}

std::string_view KafkaSink::value_of(Lsn lsn, const RecordView& record) {
    if (encoder_.raw()) return record.payload();
    value_.clear();
    encoder_.append(lsn, record, value_);
    return value_;
}

/// No key: the library chooses a partition. An empty one is a key like any other.
std::string_view KafkaSink::key_of(const RecordView& record) {
    return config_.key.empty() ? std::string_view() : key_template_.of(record, key_);
}

// ---- what comes back
// -------------------------------------------------------------------------------

SinkProgress KafkaSink::poll(Nanoseconds wait) {
    const Lsn before = window_.safe();
    send_burst();
    drain(std::min(wait, std::max<Nanoseconds>(0, until_burst())));
    send_burst();
    if (stopped_ && !news_.failure) drain(kReasonWait);
    if (stopped_ && !news_.failure) news_.failure = SinkFailure{{}, stop_reason_, {}, true};
    if (producer_) producer_->arena().release(window_.front());
    const bool cleared = pace_ == KafkaPace::one_by_one && window_.safe() >= suspects_to_;
    if (cleared && window_.empty() && !broken()) connect(KafkaPace::batches);
    watch(window_.safe() > before);
    SinkProgress progress = std::exchange(news_, {});
    progress.safe = window_.safe();
    progress.quiet_for = window_.empty() ? kSecond : 0;
    return progress;
}

void KafkaSink::drain(Nanoseconds wait) {
    for (std::size_t i = 0; producer_ && i < kEventsPerPoll; ++i) {
        const KafkaEvent event(producer_->next_event(i == 0 ? wait : 0));
        if (!event) return;
        take(*event);
    }
}

/// Finds out why nothing is confirmed: the library says nothing about a topic that it may not see.
void KafkaSink::watch(bool moved) {
    const Nanoseconds now = context_.clock->monotonic();
    if (moved || window_.empty()) {
        stalled_since_ = now;
        inquiry_.forget();
        return;
    }
    if (now - stalled_since_ < kStalledAfter) return;
    if (producer_) inquiry_.ask(producer_);
    const auto code = inquiry_.answer();
    if (!code) return;
    stalled_since_ = now;
    complain(
        kafka_failure_class(*code),
        *code == 0 ? "the brokers confirm nothing" : kafka_error_text(*code)
    );
}

void KafkaSink::complain(FailureClass kind, std::string message) {
    const Nanoseconds now = context_.clock->monotonic();
    if (now - trouble_at_ < kTroubleEvery) return;
    trouble_at_ = now;
    news_.trouble = SinkFailure{kind, std::move(message), {}, false};
}

void KafkaSink::take(rd_kafka_event_t& event) {
    switch (rd_kafka_event_type(&event)) {
        case RD_KAFKA_EVENT_DR:
            return take_reports(event);
        case RD_KAFKA_EVENT_ERROR:
            return take_error(event);
        case RD_KAFKA_EVENT_LOG:
            return take_log(event);
        default:
            return;
    }
}

void KafkaSink::take_reports(rd_kafka_event_t& event) {
    while (const rd_kafka_message_t* report = rd_kafka_event_message_next(&event)) {
        take_report(*report);
    }
}

void KafkaSink::take_report(const rd_kafka_message_t& report) {
    const auto ticket = InFlight::Ticket{reinterpret_cast<std::uintptr_t>(report._private)};
    if (!window_.contains(ticket)) return;
    if (report.err == RD_KAFKA_RESP_ERR_NO_ERROR) return window_.confirm(ticket);
    if (kafka_blames_record(report.err)) return blame(report.err, ticket);
    if (stopped_ && report.err == RD_KAFKA_RESP_ERR__FATAL) return;  // it only shares the fate
    fail(report.err, kafka_error_text(report.err));
}

/// The broker fails a batch for one record in it. Alone in its batch, the record is refused.
void KafkaSink::blame(int code, InFlight::Ticket ticket) {
    if (pace_ == KafkaPace::one_by_one) {
        news_.refused.push_back({window_.lsn(ticket), kafka_error_text(code)});
        return window_.confirm(ticket);
    }
    suspects_to_ = std::max(suspects_to_, window_.lsn(ticket));
    fail(code, kafka_error_text(code) + " (looking for the record that is to blame)");
}

void KafkaSink::take_error(rd_kafka_event_t& event) {
    const rd_kafka_resp_err_t code = rd_kafka_event_error(&event);
    const std::string message = kafka_error_text(code, rd_kafka_event_error_string(&event));
    if (code == RD_KAFKA_RESP_ERR__FATAL) return take_fatal();
    if (code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__RESOLVE) {
        transport_error_ = message;
        return;  // one broker of several; ALL_BROKERS_DOWN follows when it was the last
    }
    const FailureClass kind = kafka_failure_class(code);
    if (window_.empty() && kind == FailureClass::transient) return;  // an idle connection ended
    const bool down = code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !transport_error_.empty();
    complain(kind, down ? transport_error_ : message);
}

/// The producer sends nothing any more. Where a failed batch made it stop, its delivery reports say
/// more.
void KafkaSink::take_fatal() {
    std::array<char, 512> text{};
    const auto cause = rd_kafka_fatal_error(producer_->handle(), text.data(), text.size());
    const std::string message = "fatal: " + kafka_error_text(cause, text.data());
    if (cause != RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE) return fail(cause, message);
    stopped_ = true;
    stop_reason_ = message;
}

void KafkaSink::take_log(rd_kafka_event_t& event) const {
    const char* facility = nullptr;
    const char* text = nullptr;
    int level = 0;
    if (rd_kafka_event_log(&event, &facility, &text, &level) != 0) return;
    const std::string_view words(text);
    if (words.find("enable.gapless.guarantee") != std::string_view::npos)
        return;  // wanted, and said at each start
    log::warn("kafka library", {{"sink", context_.id}, {"facility", facility}, {"text", text}});
}

void KafkaSink::fail(int code, const std::string& message) {
    if (failed_) return;
    failed_ = true;
    news_.failure = SinkFailure{kafka_failure_class(code), message, {}, true};
}

// ---- connection
// ------------------------------------------------------------------------------------

void KafkaSink::reset(Lsn safe) {
    news_ = {};
    failed_ = false;
    stopped_ = false;
    window_.reset(safe);
    pending_.clear();
    pending_bytes_ = 0;
    flushing_ = false;
    connect(suspects_to_ > safe ? KafkaPace::one_by_one : KafkaPace::batches);
}

void KafkaSink::connect(KafkaPace pace) {
    inquiry_.forget();
    stalled_since_ = context_.clock->monotonic();
    closer_.close(std::move(producer_));
    pace_ = pace;
    transport_error_.clear();
    if (closer_.full()) {
        fail(RD_KAFKA_RESP_ERR__TRANSPORT, "earlier connections to the brokers do not end");
        return;
    }
    auto made = KafkaProducer::make(config_, pace);
    if (made.ok()) {
        producer_ = std::move(made).value();
    } else {
        fail(RD_KAFKA_RESP_ERR__INVALID_ARG, made.error().message);
    }
}

Status KafkaSink::probe(Nanoseconds bound) {
    PS_TRY(auto producer, KafkaProducer::make(config_, KafkaPace::batches));
    const int code = producer->ask(bound);
    Status outcome;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        std::string why = kafka_error_text(code);
        FailureClass kind = kafka_failure_class(code);
        while (const KafkaEvent event{producer->next_event(0)}) {
            if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_ERROR) continue;
            const auto seen = rd_kafka_event_error(event.get());
            if (seen == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) continue;
            why = kafka_error_text(seen, rd_kafka_event_error_string(event.get()));
            kind = kafka_failure_class(seen);
        }
        outcome = Error{kind == FailureClass::credentials ? Errc::denied : Errc::unavailable, why};
    }
    closer_.close(std::move(producer));
    return outcome;
}

}  // namespace

Result<std::unique_ptr<Sink>> make_kafka_sink(
    const KafkaConfig& config, const SinkContext& context
) {
    PS_TRY(const KafkaConf settings, kafka_settings(config, KafkaPace::batches));
    const bool scram = config.security.sasl.mechanism.starts_with("SCRAM") &&
                       (config.security.protocol == KafkaProtocol::sasl_tls ||
                        config.security.protocol == KafkaProtocol::sasl_plaintext);
    if (scram && kafka_scram_is_old()) {
        log::warn(
            "this librdkafka cannot log in to Kafka 4 with SCRAM: use PLAIN over TLS, a client "
            "certificate, or 2.6.1",
            {{"sink", context.id}, {"librdkafka", rd_kafka_version_str()}}
        );
    }
    PS_TRY(auto topic, NameTemplate::parse(config.topic, kafka_topic_rules()));
    NameTemplate key;
    if (!config.key.empty()) {
        PS_TRY(key, NameTemplate::parse(config.key, kafka_key_rules()));
    }
    return std::unique_ptr<Sink>(
        std::make_unique<KafkaSink>(config, context, std::move(topic), std::move(key))
    );
}

SinkKind kafka_kind() {
    return sink_kind<KafkaConfig>(
        "kafka", "Kafka and brokers that speak its protocol, keyed by device.", make_kafka_sink
    );
}

}  // namespace penstock::sinks
