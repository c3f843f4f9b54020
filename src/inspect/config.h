#pragma once

#include "config/field.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::inspect {

/// What a field must hold.
enum class ValueType : std::uint8_t { any, number, integer, string, boolean, object, array };

/// How a time is written. `automatic`: a text is ISO 8601 (or a number in quotes); a number is
/// seconds, milliseconds, microseconds or nanoseconds since 1970 by its size (below 1e11, 1e14,
/// 1e17).
enum class TimeFormat : std::uint8_t {
    automatic,
    iso8601,
    seconds,
    milliseconds,
    microseconds,
    nanoseconds
};

/// What happens to a message that breaks a rule: kept aside and acknowledged, or refused to the
/// device.
enum class OnInvalid : std::uint8_t { quarantine, refuse };

/// A value of an `enum:` list: a text, or a number where the field is one.
struct EnumText {
    std::string text;
    friend bool operator==(const EnumText&, const EnumText&) = default;
};

/// One entry of `fields:`.
struct FieldConfig {
    ValueType type = ValueType::any;
    std::optional<double> min;
    std::optional<double> max;
    std::vector<EnumText> allowed;
    std::optional<std::uint32_t> max_length;  // characters
    bool required = false;
    config::Origin origin;
    friend bool operator==(const FieldConfig&, const FieldConfig&) = default;
};

/// Where the device id comes from; nothing set: from the client id.
struct DeviceConfig {
    std::optional<std::string> field;
    std::optional<std::uint16_t> topic_level;  // 1 is the first
    bool client_id = false;
    config::Origin origin;
    friend bool operator==(const DeviceConfig&, const DeviceConfig&) = default;
};

/// Where the event time comes from; without a field it is the time of arrival.
struct TimeConfig {
    std::optional<std::string> field;
    TimeFormat format = TimeFormat::automatic;
    Duration max_future = std::chrono::hours(24);
    config::Origin origin;
    friend bool operator==(const TimeConfig&, const TimeConfig&) = default;
};

/// One line of `status:`: `{ when: "heartRate > 140", is: HIGH_HEART_RATE }` or, last, `{
/// otherwise: NORMAL }`.
struct StatusConfig {
    std::string when;
    std::string is;
    std::string otherwise;
    config::Origin origin;
    friend bool operator==(const StatusConfig&, const StatusConfig&) = default;
};

/// How fast the learned score forgets and how long it watches before it speaks.
struct ScoringConfig {
    std::uint16_t window = 300;  // values; score/level_detector.h says what it does
    std::uint16_t warm_up = 30;
    friend bool operator==(const ScoringConfig&, const ScoringConfig&) = default;
};

/// One entry of `streams:`.
struct StreamConfig {
    std::vector<std::string> topics;
    DeviceConfig device;
    TimeConfig time;
    std::optional<std::string> sequence;
    config::OrderedMap<FieldConfig> fields;
    config::OrderedMap<std::string> derive;
    std::vector<StatusConfig> status;
    std::vector<std::string> score;
    ScoringConfig scoring;
    OnInvalid on_invalid = OnInvalid::quarantine;
    config::Origin origin;
    friend bool operator==(const StreamConfig&, const StreamConfig&) = default;
};

/// Bounds of a payload.
struct PayloadConfig {
    ByteCount max_size = 1_MiB;
    std::uint32_t max_fields = 1024;
    friend bool operator==(const PayloadConfig&, const PayloadConfig&) = default;
};

/// Bounds of what the learned score remembers, for the whole node. The cost: about 170 bytes for a
/// device with four scored fields.
struct ScoreStateConfig {
    ByteCount memory = 256_MiB;
    friend bool operator==(const ScoreStateConfig&, const ScoreStateConfig&) = default;
};

/// The part of the settings that inspection owns; its keys stand at the top of the file.
struct Config {
    config::OrderedMap<StreamConfig> streams;
    OnInvalid unrouted = OnInvalid::quarantine;
    PayloadConfig payload;
    ScoreStateConfig score_state;
    friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace penstock::inspect

namespace penstock::config {

template <>
struct Scalar<inspect::EnumText> {
    static Result<inspect::EnumText> parse(std::string_view text) {
        return inspect::EnumText{std::string(text)};
    }
    static std::string print(const inspect::EnumText& value) { return config::print(value.text); }
    static constexpr std::string_view kType = "text or number";
};

template <>
struct Fields<inspect::FieldConfig> {
    static Table<inspect::FieldConfig> table();
};
template <>
struct Fields<inspect::DeviceConfig> {
    static Table<inspect::DeviceConfig> table();
};
template <>
struct Fields<inspect::TimeConfig> {
    static Table<inspect::TimeConfig> table();
};
template <>
struct Fields<inspect::StatusConfig> {
    static Table<inspect::StatusConfig> table();
};
template <>
struct Fields<inspect::ScoringConfig> {
    static Table<inspect::ScoringConfig> table();
};
template <>
struct Fields<inspect::StreamConfig> {
    static Table<inspect::StreamConfig> table();
};
template <>
struct Fields<inspect::PayloadConfig> {
    static Table<inspect::PayloadConfig> table();
};
template <>
struct Fields<inspect::ScoreStateConfig> {
    static Table<inspect::ScoreStateConfig> table();
};
template <>
struct Fields<inspect::Config> {
    static Table<inspect::Config> table();
    /// Compiles topic filters and expressions; reports all that is wrong with them.
    static void check(const inspect::Config&, const Origin&, Problems&);
};

}  // namespace penstock::config
