#include "sinks/stream/nats.h"

#include "sinks/stream/in_flight.h"
#include "sinks/stream/nats_link.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

constexpr std::size_t kLinksMax = 4;  // old ones on their way out
constexpr std::size_t kHandOver = std::size_t{64} * 1024;
constexpr std::size_t kRecordOverhead = 256;

class NatsSink final : public Sink {
public:
    NatsSink(const NatsConfig& config, const SinkContext& context, NameTemplate subject)
        : config_(config),
          clock_(*context.clock),
          journal_(context.journal.text()),
          encoder_(config.output, context.journal),
          subject_(std::move(subject)) {}
    ~NatsSink() override {
        if (link_) link_->close();
        if (link_) static_cast<void>(link_->gone(kSinkStopBound / 2));
    }

    [[nodiscard]] bool put(Lsn lsn, const RecordView& record) override;
    void skip(Lsn lsn) override { window_.skip(lsn); }
    void flush() override { hand_over(); }
    [[nodiscard]] SinkProgress poll(Nanoseconds wait) override;
    void reset(Lsn safe) override;
    [[nodiscard]] Status probe(Nanoseconds bound) override;

private:
    [[nodiscard]] bool full() const noexcept {
        return window_.size() >= config_.max_in_flight ||
               window_.bytes() >= config_.max_in_flight_size.value;
    }
    void hand_over();
    void take(NatsAck& ack, SinkProgress& progress);
    void fail(SinkFailure failure, SinkProgress& progress);
    void watch(bool moved, SinkProgress& progress);
    void retire();

    const NatsConfig config_;
    const Clock& clock_;
    const std::string journal_;
    const OutputEncoder encoder_;
    const NameTemplate subject_;

    std::shared_ptr<NatsLink> link_;
    std::vector<std::shared_ptr<NatsLink>> old_;
    InFlight window_;
    NatsBatch batch_;
    Lsn last_put_;
    std::string name_;
    std::string value_;
    std::vector<NatsAck> acks_;
    bool ready_ = false;  // as of the last poll
    bool failed_ = false;
    Nanoseconds moved_at_ = 0;
    std::uint64_t sent_records_ = 0;
    std::uint64_t sent_bytes_ = 0;
};

bool NatsSink::put(Lsn lsn, const RecordView& record) {
    if (!ready_ || failed_ || full()) return false;
    value_.clear();
    if (!encoder_.raw()) encoder_.append(lsn, record, value_);
    const std::string_view value = encoder_.raw() ? record.payload() : std::string_view(value_);
    if (window_.empty()) moved_at_ = clock_.monotonic();
    batch_.add(lsn, config_.exclusive ? last_put_ : Lsn{}, subject_.of(record, name_), value);
    static_cast<void>(window_.add(lsn, value.size() + kRecordOverhead));
    last_put_ = lsn;
    ++sent_records_;
    sent_bytes_ += value.size();
    if (batch_.bytes.size() >= kHandOver) hand_over();
    return true;
}

void NatsSink::hand_over() {
    if (link_ && !batch_.items.empty()) link_->send(batch_);
}

SinkProgress NatsSink::poll(Nanoseconds wait) {
    SinkProgress progress;
    hand_over();
    const Lsn before = window_.safe();
    ready_ = link_ && link_->state() == NatsLink::State::ready;
    const bool idle = window_.empty() && ready_;
    if (link_) link_->acks(acks_, idle ? 0 : wait);
    for (NatsAck& ack : acks_)
        take(ack, progress);
    acks_.clear();
    if (!link_)
        fail({FailureClass::transient, "earlier connections do not end", {}, true}, progress);
    if (link_ && link_->state() == NatsLink::State::over) fail(link_->failure(), progress);
    watch(window_.safe() > before, progress);
    progress.safe = window_.safe();
    progress.quiet_for = idle ? kSecond : 0;
    progress.sent_records = std::exchange(sent_records_, 0);
    progress.sent_bytes = std::exchange(sent_bytes_, 0);
    return progress;
}

void NatsSink::take(NatsAck& ack, SinkProgress& progress) {
    const auto ticket = window_.find(ack.lsn);
    if (!ticket) return;
    if (ack.refused) progress.refused.push_back({ack.lsn, std::move(ack.reason)});
    if (ack.stored || ack.refused) return window_.confirm(*ticket);
    fail(std::move(ack.failure), progress);
}

void NatsSink::fail(SinkFailure failure, SinkProgress& progress) {
    if (failed_) return;
    failed_ = true;
    progress.failure = std::move(failure);
}

void NatsSink::watch(bool moved, SinkProgress& progress) {
    const Nanoseconds now = clock_.monotonic();
    if (moved || window_.empty()) moved_at_ = now;
    if (now - moved_at_ < config_.ack_timeout.count()) return;
    fail({FailureClass::transient, "the stream confirms nothing", {}, true}, progress);
}

void NatsSink::retire() {
    if (link_) {
        link_->close();
        old_.push_back(std::move(link_));
    }
    std::erase_if(old_, [](const auto& link) { return link->gone(0); });
}

void NatsSink::reset(Lsn safe) {
    retire();
    window_.reset(safe);
    batch_.bytes.clear();
    batch_.items.clear();
    last_put_ = {};
    ready_ = false;
    failed_ = false;
    moved_at_ = clock_.monotonic();
    if (old_.size() < kLinksMax) link_ = NatsLink::open(config_, journal_);
}

Status NatsSink::probe(Nanoseconds bound) {
    const auto link = NatsLink::open(config_, journal_);
    std::vector<NatsAck> none;
    link->acks(none, bound);
    const NatsLink::State state = link->state();
    link->close();
    if (state == NatsLink::State::ready) return {};
    if (state == NatsLink::State::connecting) {
        return Error{Errc::timed_out, "no answer from " + config_.servers.front()};
    }
    const SinkFailure why = link->failure();
    const bool denied = why.kind == FailureClass::credentials;
    return Error{denied ? Errc::denied : Errc::unavailable, why.message};
}

}  // namespace

Result<std::unique_ptr<Sink>> make_nats_sink(const NatsConfig& config, const SinkContext& context) {
    PS_TRY(auto subject, NameTemplate::parse(config.subject, nats_subject_rules()));
    return std::unique_ptr<Sink>(std::make_unique<NatsSink>(config, context, std::move(subject)));
}

SinkKind nats_kind() {
    SinkKind kind = sink_kind<NatsConfig>(
        "nats", "A stream of NATS JetStream, with duplicates dropped by message id.", make_nats_sink
    );
    kind.alone = [](const SinkConfig& config) -> std::string_view {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): of this kind.
        const bool exclusive = static_cast<const NatsConfig&>(config).exclusive;
        return exclusive ? "with `exclusive` nobody else writes to the stream" : "";
    };
    return kind;
}

}  // namespace penstock::sinks
