#include "sample.h"

#include "../load/message.h"
#include "config/field.h"
#include "config/problem.h"

#include <span>
#include <stdexcept>

namespace penstock::stages {
namespace {

constexpr const char* kStreams = R"(
streams:
  wearables:
    topics: ["iot/wearable/data", "iot/+/data"]
    device: { field: deviceId }
    time:   { field: timestamp }
    fields:
      heartRate: { type: number, min: 20, max: 250, required: true }
      steps:     { type: integer, min: 0 }
      spo2:      { type: number, min: 0 }
      skinTemp:  { type: number, min: -20 }
      respRate:  { type: number, min: 0 }
      battery:   { type: number, min: 0, max: 100 }
      wristOn:   { type: boolean }
    status:
      - { when: "heartRate > 135", is: HIGH_HEART_RATE }
      - { when: "spo2 < 90 and wristOn", is: LOW_OXYGEN }
    score: [heartRate, spo2, skinTemp, respRate]
)";

load::Options options() {
    load::Options options;
    options.devices = static_cast<int>(kDevices);
    options.topic = kTopic;
    return options;
}

}  // namespace

std::vector<std::string> publishes(int qos) {
    load::Options wanted = options();
    wanted.qos = qos;
    std::vector<std::string> packets;
    for (load::Message& message : load::make_messages(wanted)) {
        if (qos != 0) {
            const std::size_t id = packets.size() + 1;
            message.bytes[message.packet_id] = static_cast<char>(id >> 8U);
            message.bytes[message.packet_id + 1] = static_cast<char>(id & 255U);
        }
        packets.push_back(std::move(message.bytes));
    }
    return packets;
}

std::vector<std::string> requests(int batch) {
    load::Options wanted = options();
    wanted.protocol = "http";
    wanted.batch = batch;
    std::vector<std::string> requests;
    for (load::Message& message : load::make_messages(wanted))
        requests.push_back(std::move(message.bytes));
    return requests;
}

const std::vector<Padded>& payloads() {
    static const std::vector<Padded> kPayloads = [] {
        std::vector<Padded> texts;
        for (const std::string& packet : publishes(0))
            texts.emplace_back(std::string_view(packet).substr(packet.find('{')));
        return texts;
    }();
    return kPayloads;
}

std::unique_ptr<const inspect::Inspector> make_inspector() {
    config::Problems problems;
    const auto config = config::read<inspect::Config>(kStreams, "stages.yaml", problems);
    if (!config) throw std::runtime_error(problems.text());
    auto made = inspect::Inspector::create(*config, 42);
    if (!made.ok()) throw std::runtime_error(made.error().message);
    return std::move(made).value();
}

Message message_of(std::string_view payload) {
    Message message;
    message.topic = kTopic;
    message.client_id = "gateway-1";
    message.payload = payload;
    message.qos = 1;
    message.arrival = kArrival;
    return message;
}

Records::Records() {
    const auto inspector = make_inspector();
    inspect::Workspace workspace(inspector->max_fields());
    for (const Padded& payload : payloads()) {
        const auto examined = inspector->examine(message_of(payload.view()), workspace);
        if (examined.outcome != inspect::Examined::Outcome::accepted)
            throw std::runtime_error(std::string(examined.reason));
        begins_.push_back(bytes_.size());
        bytes_.resize(bytes_.size() + encoded_size(examined.record));
        const auto record = std::span(bytes_).subspan(begins_.back());
        encode(examined.record, record);
        const auto nth = static_cast<double>(begins_.size());
        set_score(
            record, {.value = nth / (nth + 1), .expected = 80.5F, .deviation = 3.25F, .field = 1}
        );
    }
    begins_.push_back(bytes_.size());
    for (std::size_t i = 0; i + 1 < begins_.size(); ++i)
        records_.push_back(RecordView::parse(bytes(i, 1)).value());
}

std::span<const std::byte> Records::bytes(std::size_t i, std::size_t count) const {
    return std::span(bytes_).subspan(begins_[i], begins_[i + count] - begins_[i]);
}

const Records& records() {
    static const Records kRecords;
    return kRecords;
}

}  // namespace penstock::stages
