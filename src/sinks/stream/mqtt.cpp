#include "sinks/stream/mqtt.h"

#include "base/mqtt/encode.h"
#include "base/text.h"
#include "sinks/stream/in_flight.h"
#include "sinks/stream/mqtt_link.h"
#include "sinks/stream/mqtt_reasons.h"

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

/// Client ids that every broker of 3.1.1 has to take are 1 to 23 letters and digits long
/// [MQTT-3.1.3-5].
constexpr std::size_t kClientIdSize = 23;

std::string client_id_of(const MqttConfig& config, const SinkContext& context, bool probe) {
    if (!config.client_id.empty()) return config.client_id + (probe ? "-probe" : "");
    std::string id = "penstock";
    const std::string whole = context.journal.text() + '/' + context.id + '/' +
                              std::to_string(context.seed) + (probe ? "/probe" : "");
    const std::uint64_t hash = device_hash(whole);
    for (int shift = 60; shift >= 0 && id.size() < kClientIdSize; shift -= 4)
        id += "0123456789abcdef"[(hash >> shift) & 0xFU];
    return id;
}

class MqttSink final : public Sink {
public:
    MqttSink(const MqttConfig& config, const SinkContext& context, NameTemplate topic)
        : config_(config),
          clock_(*context.clock),
          journal_(context.journal.text()),
          client_id_(client_id_of(config, context, false)),
          probe_id_(client_id_of(config, context, true)),
          encoder_(config.output, context.journal),
          topic_(std::move(topic)) {}
    ~MqttSink() override {
        if (link_) link_->close();
    }

    [[nodiscard]] bool put(Lsn lsn, const RecordView& record) override;
    void skip(Lsn lsn) override { window_.skip(lsn); }
    void flush() override { send_ready(); }
    [[nodiscard]] SinkProgress poll(Nanoseconds wait) override;
    void reset(Lsn safe) override;
    [[nodiscard]] Nanoseconds settle() const noexcept override { return config_.settle.count(); }
    [[nodiscard]] Status probe(Nanoseconds bound) override;

private:
    using Ticket = InFlight::Ticket;
    /// A message of the window.
    struct Message {
        std::string packet;  // empty once it is sent
        std::uint64_t device = 0;
        bool sent = false;
    };

    [[nodiscard]] bool full() const noexcept {
        return window_.size() >= config_.max_in_flight ||
               window_.bytes() >= config_.max_in_flight_size.value;
    }
    [[nodiscard]] Message& message(Ticket ticket) { return messages_[ticket - window_.front()]; }
    [[nodiscard]] std::size_t packet_max() const noexcept;
    void queue(Ticket ticket, std::uint64_t device);
    void send_ready();
    void take(MqttAck& ack, SinkProgress& progress);
    void confirm(Ticket ticket);
    void fail(SinkFailure failure, SinkProgress& progress);
    [[nodiscard]] bool settling() const noexcept {
        return confirmed_at_ != 0 && clock_.monotonic() - confirmed_at_ < settle();
    }
    [[nodiscard]] Nanoseconds ping_interval() const noexcept;
    [[nodiscard]] Nanoseconds patience() const noexcept;

    const MqttConfig config_;
    const Clock& clock_;
    const std::string journal_;
    const std::string client_id_;
    const std::string probe_id_;
    const OutputEncoder encoder_;
    const NameTemplate topic_;

    std::optional<MqttLink> link_;
    InFlight window_;
    std::deque<Message> messages_;  // of the window, in its order
    std::deque<Ticket> ready_;      // may go out as soon as the broker has room
    /// MQTT 5: the devices with a message in `ready_` or under way, and their messages that wait.
    std::unordered_map<std::uint64_t, std::deque<Ticket>> devices_;
    std::string name_;
    std::string value_;
    Bytes packet_;
    std::vector<MqttAck> acks_;
    std::vector<RefusedRecord> refused_;
    Nanoseconds confirmed_at_ = 0;
    bool failed_ = false;
    std::uint64_t sent_records_ = 0;
    std::uint64_t sent_bytes_ = 0;
};

/// Packet ids follow the tickets; the window is smaller than there are ids.
constexpr std::uint64_t kPacketIds = 65'535;

std::uint16_t packet_id_of(InFlight::Ticket ticket) {
    return static_cast<std::uint16_t>(ticket % kPacketIds + 1);
}

/// The first ticket from `front` on with this id.
InFlight::Ticket ticket_of(std::uint16_t packet_id, InFlight::Ticket front) {
    return front + (packet_id - 1U + kPacketIds - front % kPacketIds) % kPacketIds;
}

std::size_t MqttSink::packet_max() const noexcept {
    const std::size_t theirs = link_->limits().packet_max;
    return theirs == 0 ? config_.record_max.value : std::min(theirs, config_.record_max.value);
}

bool MqttSink::put(Lsn lsn, const RecordView& record) {
    if (failed_ || !link_ || !link_->ready() || full()) return false;
    value_.clear();
    if (!encoder_.raw()) encoder_.append(lsn, record, value_);
    mqtt::Publish publish;
    publish.qos = 1;
    publish.retain = config_.retain;
    publish.topic = topic_.of(record, name_);
    publish.payload = encoder_.raw() ? record.payload() : std::string_view(value_);
    const std::string lsn_text = std::to_string(lsn.value);
    const std::array<mqtt::UserProperty, 2> user{
        {{"penstock.journal", journal_}, {"penstock.lsn", lsn_text}}
    };
    const std::size_t size = mqtt::publish_size(publish, config_.version, user);
    if (size > packet_max()) {
        refused_.push_back({lsn, "the packet is larger than record_max or the broker's maximum"});
        window_.skip(lsn);
        return true;
    }
    const Ticket ticket = window_.add(lsn, size);
    publish.packet_id = packet_id_of(ticket);
    packet_.clear();
    mqtt::encode_publish(publish, config_.version, user, packet_);
    Message& made = messages_.emplace_back();
    made.packet.assign(reinterpret_cast<const char*>(packet_.view().data()), packet_.size());
    queue(ticket, record.device_hash());
    return true;
}

void MqttSink::queue(Ticket ticket, std::uint64_t device) {
    if (config_.version == mqtt::Version::v5) {
        message(ticket).device = device;
        const auto [at, idle] = devices_.try_emplace(device);
        if (!idle) return at->second.push_back(ticket);
    }
    ready_.push_back(ticket);
}

void MqttSink::send_ready() {
    if (failed_ || !link_ || !link_->ready()) return;
    while (!ready_.empty() && link_->awaited() < link_->limits().receive_maximum) {
        Message& next = message(ready_.front());
        ready_.pop_front();
        link_->send(next.packet);
        ++sent_records_;
        sent_bytes_ += next.packet.size();
        next.packet = {};
        next.sent = true;
    }
}

SinkProgress MqttSink::poll(Nanoseconds wait) {
    SinkProgress progress;
    send_ready();
    const bool idle = link_ && !link_->waiting();
    if (link_) link_->poll(idle ? 0 : wait, ping_interval(), patience(), acks_);
    for (MqttAck& ack : acks_)
        take(ack, progress);
    acks_.clear();
    if (link_ && link_->failure()) fail(*link_->failure(), progress);
    send_ready();
    progress.safe = window_.safe();
    progress.refused = std::exchange(refused_, {});
    progress.sent_records = std::exchange(sent_records_, 0);
    progress.sent_bytes = std::exchange(sent_bytes_, 0);
    if (link_ && !link_->waiting()) {
        progress.quiet_for = std::clamp(link_->ping_in(ping_interval()), kMillisecond, kSecond);
    }
    return progress;
}

/// While confirmations settle the broker has to show that it is still there.
Nanoseconds MqttSink::ping_interval() const noexcept {
    if (!link_ || !link_->ready()) return 0;
    Nanoseconds interval = link_->limits().keep_alive / 4 * 3;
    if (interval == 0) interval = config_.keep_alive.count();
    return settling() ? std::min(interval, settle() / 4) : interval;
}

/// What has not settled must not do so while the broker is silent.
Nanoseconds MqttSink::patience() const noexcept {
    const Nanoseconds whole = config_.ack_timeout.count();
    return settling() ? std::min(whole, settle() / 2) : whole;
}

void MqttSink::take(MqttAck& ack, SinkProgress& progress) {
    const Ticket ticket = ticket_of(ack.packet_id, window_.front());
    if (!window_.contains(ticket) || !message(ticket).sent) {
        return fail(
            {FailureClass::transient, "the broker confirms what was not sent", {}, true}, progress
        );
    }
    switch (mqtt_verdict(ack.reason)) {
        case MqttVerdict::refused:
            refused_.push_back({window_.lsn(ticket), mqtt_words(ack.reason, ack.text)});
            return confirm(ticket);
        case MqttVerdict::taken:
            return confirm(ticket);
        case MqttVerdict::failed:
            return fail(mqtt_publish_failure(ack.reason, ack.text), progress);
    }
}

void MqttSink::confirm(Ticket ticket) {
    confirmed_at_ = clock_.monotonic();
    message(ticket).sent = false;  // a second PUBACK for it is none
    if (const auto at = devices_.find(message(ticket).device); at != devices_.end()) {
        if (at->second.empty()) {
            devices_.erase(at);
        } else {
            ready_.push_back(at->second.front());
            at->second.pop_front();
        }
    }
    const Ticket before = window_.front();
    window_.confirm(ticket);
    messages_.erase(
        messages_.begin(), messages_.begin() + static_cast<std::ptrdiff_t>(window_.front() - before)
    );
}

void MqttSink::fail(SinkFailure failure, SinkProgress& progress) {
    if (failed_) return;
    failed_ = true;
    if (failure.lost_contact) confirmed_at_ = 0;
    progress.failure = std::move(failure);
}

void MqttSink::reset(Lsn safe) {
    if (link_) link_->close();
    link_.emplace(config_, client_id_, clock_);
    window_.reset(safe);
    messages_.clear();
    ready_.clear();
    devices_.clear();
    refused_.clear();
    failed_ = false;
}

Status MqttSink::probe(Nanoseconds bound) {
    MqttLink link(config_, probe_id_, clock_);
    const Nanoseconds end = clock_.monotonic() + bound;
    std::vector<MqttAck> none;
    while (!link.ready() && !link.failure()) {
        const Nanoseconds left = end - clock_.monotonic();
        if (left <= 0) return Error{Errc::timed_out, "no answer from " + config_.server};
        link.poll(left, 0, bound, none);
    }
    link.close();
    if (!link.failure()) return {};
    const bool denied = link.failure()->kind == FailureClass::credentials;
    return Error{denied ? Errc::denied : Errc::unavailable, link.failure()->message};
}

}  // namespace

Result<std::unique_ptr<Sink>> make_mqtt_sink(const MqttConfig& config, const SinkContext& context) {
    PS_TRY(auto topic, NameTemplate::parse(config.topic, mqtt_topic_rules()));
    return std::unique_ptr<Sink>(std::make_unique<MqttSink>(config, context, std::move(topic)));
}

SinkKind mqtt_kind() {
    SinkKind kind = sink_kind<MqttConfig>(
        "mqtt", "Another MQTT broker, in MQTT 5 or 3.1.1, with QoS 1.", make_mqtt_sink
    );
    kind.alone = [](const SinkConfig& config) -> std::string_view {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): of this kind.
        const bool named = !static_cast<const MqttConfig&>(config).client_id.empty();
        return named ? "with `client_id` a second connection ends the first" : "";
    };
    return kind;
}

}  // namespace penstock::sinks
