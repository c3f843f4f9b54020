#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::mqtt {

enum class TopicFault : std::uint8_t {
    none,
    malformed,  // not UTF-8, or U+0000 in it
    invalid,    // empty, a wildcard, a control character or a non-character
    too_long,   // over the bytes or levels of the settings
};

/// A topic name that a record may be published to [MQTT-3.3.2-2, MQTT-4.7.1-1, MQTT-4.7.3-1]. One
/// pass, eight bytes at a time while it is ASCII. A leading `$` is an ordinary character here.
[[nodiscard]] TopicFault check_topic_name(
    std::string_view topic, std::uint32_t max_bytes, std::uint32_t max_levels
) noexcept;

/// A well-formed topic filter, shared ones included [MQTT-4.7.1-2, -3, MQTT-4.8.2-1, -2].
[[nodiscard]] bool valid_topic_filter(std::string_view filter) noexcept;

/// MQTT 5 topic aliases of one connection, client to server. Holds no memory before the first one
/// is set. Bound: `max` topics of what the caller lets through. Threads: owner.
class TopicAliases {
public:
    /// Sets or replaces. Precondition: 1 <= alias <= max.
    void set(std::uint16_t alias, std::uint16_t max, std::string_view topic);
    /// Empty: not set. Valid until the next set().
    [[nodiscard]] std::string_view find(std::uint16_t alias) const noexcept;

private:
    std::unique_ptr<std::vector<std::string>> topics_;
};

}  // namespace penstock::mqtt
