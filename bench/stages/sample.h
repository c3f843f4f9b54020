#pragma once

#include "inspect/inspector.h"
#include "penstock/intake.h"
#include "penstock/record.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// What all stages work on: the events of the load generator (500 bytes, 26 values), of kDevices
/// devices, one each.
namespace penstock::stages {

constexpr std::size_t kDevices = 1'000;
constexpr std::string_view kTopic = "iot/wearable/data";
/// When every message arrives: 2026-01-02T03:04:05Z.
constexpr Nanoseconds kArrival = 1'767'323'045 * kSecond;

/// A text with kPayloadPadding bytes behind it.
class Padded {
public:
    explicit Padded(std::string_view text) : memory_(text), size_(text.size()) {
        memory_.append(kPayloadPadding, ' ');
    }
    [[nodiscard]] std::string_view view() const noexcept {
        return std::string_view(memory_).substr(0, size_);
    }

private:
    std::string memory_;
    std::size_t size_;
};

/// A PUBLISH packet of QoS `qos` for each device, with packet identifiers from 1 on.
[[nodiscard]] std::vector<std::string> publishes(int qos);
/// The requests that bring all events over HTTP, `batch` events each.
[[nodiscard]] std::vector<std::string> requests(int batch);
/// The events' texts.
[[nodiscard]] const std::vector<Padded>& payloads();

/// Inspects as a stream with seven declared fields, two status rules and four scored fields says.
[[nodiscard]] std::unique_ptr<const inspect::Inspector> make_inspector();
[[nodiscard]] Message message_of(std::string_view payload);

/// The events as the journal has them: inspected, encoded and scored.
class Records {
public:
    Records();
    [[nodiscard]] std::size_t size() const noexcept { return records_.size(); }
    /// Encoded, back to back, from record `i` on.
    [[nodiscard]] std::span<const std::byte> bytes(std::size_t i, std::size_t count) const;
    [[nodiscard]] const RecordView& at(std::size_t i) const { return records_[i]; }

private:
    std::vector<std::byte> bytes_;
    std::vector<std::size_t> begins_;  // and the end of the last
    std::vector<RecordView> records_;
};

/// The same for everybody.
[[nodiscard]] const Records& records();

}  // namespace penstock::stages
