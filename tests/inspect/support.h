#pragma once

#include "config/field.h"
#include "inspect/inspector.h"
#include "penstock/intake.h"
#include "penstock/record.h"

#include <cstddef>
#include <cstring>
#include <deque>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::inspect {

/// 2026-01-02T03:04:05Z, when every message of these tests arrives.
constexpr Nanoseconds kArrival = 1'767'323'045 * kSecond;

/// A text in memory of exactly its size and the promised padding, so that a sanitizer sees every
/// byte read beyond. The padding would close what the text leaves open.
class Padded {
public:
    explicit Padded(std::string_view text)
        : memory_(new char[text.size() + kPayloadPadding]), size_(text.size()) {
        std::memcpy(memory_.get(), text.data(), text.size());
        constexpr std::string_view kLure = "\"}]}]}0123456789";
        for (std::size_t i = 0; i < kPayloadPadding; ++i)
            memory_[text.size() + i] = kLure[i % kLure.size()];
    }
    [[nodiscard]] std::string_view view() const noexcept { return {memory_.get(), size_}; }

private:
    std::unique_ptr<char[]> memory_;
    std::size_t size_;
};

inline Config config_of(const std::string& yaml) {
    config::Problems problems;
    auto config = config::read<Config>(yaml, "test.yaml", problems);
    if (!config) throw std::runtime_error(problems.text());
    return *std::move(config);
}

/// The problems that a settings text has, one line each.
inline std::string problems_of(const std::string& yaml) {
    config::Problems problems;
    (void)config::read<Config>(yaml, "test.yaml", problems);
    return problems.text();
}

/// What inspection said about a message; owns all its bytes.
struct Said {
    Examined::Outcome outcome = Examined::Outcome::accepted;
    Refusal refusal = Refusal::none;
    std::string reason;
    std::string pointer;
    std::vector<std::byte> bytes;
    RecordView record;
    std::vector<Metric> metrics;

    [[nodiscard]] bool accepted() const { return outcome == Examined::Outcome::accepted; }
    [[nodiscard]] std::string text(std::string_view field) const {
        const auto found = record.find(field);
        return found ? std::string(found->text) : "(none)";
    }
};

/// An inspector with a workspace: `says(topic, payload)`.
class Desk {
public:
    explicit Desk(const std::string& yaml)
        : inspector_(make(yaml)), workspace_(inspector_->max_fields()) {}

    Said says(
        std::string_view topic, std::string_view payload, std::string_view client = "client-1"
    ) {
        Message message;
        message.topic = topic;
        message.client_id = client;
        return says(message, payload);
    }
    Said posts(std::string_view stream, std::string_view payload) {
        Message message;
        message.source = Source::http;
        message.stream = stream;
        return says(message, payload);
    }
    Said says(Message message, std::string_view payload) {
        const Padded padded(payload);
        message.payload = padded.view();
        message.arrival = kArrival;
        const Examined examined = inspector_->examine(message, workspace_);
        Said said;
        said.outcome = examined.outcome;
        said.refusal = examined.refusal;
        said.reason = examined.reason;
        said.pointer = examined.pointer;
        said.metrics.assign(examined.metrics.begin(), examined.metrics.end());
        said.bytes.resize(encoded_size(examined.record));
        encode(examined.record, said.bytes);
        said.record = RecordView::parse(said.bytes).value();
        return said;
    }
    [[nodiscard]] const Inspector& inspector() const { return *inspector_; }

private:
    static std::unique_ptr<const Inspector> make(const std::string& yaml) {
        auto made = Inspector::create(config_of(yaml), 42);
        if (!made.ok()) throw std::runtime_error(made.error().message);
        return std::move(made).value();
    }

    std::unique_ptr<const Inspector> inspector_;
    Workspace workspace_;
};

/// The stream of the example configuration.
inline const std::string kWearables = R"(
streams:
  wearables:
    topics: ["iot/wearable/data", "iot/+/data"]
    device: { field: deviceId }
    time:   { field: timestamp }
    fields:
      heartRate: { type: number, min: 20, max: 250, required: true }
      steps:     { type: integer, min: 0 }
    status:
      - { when: "heartRate > 140", is: HIGH_HEART_RATE }
    score: [heartRate]
)";

}  // namespace penstock::inspect
