#pragma once

#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::inspect {

/// Checks an MQTT topic filter (MQTT 5, sections 4.7.1 and 4.7.3): not empty, at most 65,535 bytes
/// of UTF-8 without U+0000,
/// `#` only as the last level, `#` and `+` only as whole levels. The error is a sentence; shared
/// subscriptions are not taken, there is nobody to share with.
[[nodiscard]] Status check_topic_filter(std::string_view filter);

/// Finds the stream that takes a topic: of all filters that match, the one that was added with the
/// lowest stream number. Filters stand in a tree of levels, so the cost depends on the topic's
/// depth rather than on the number of filters. Wildcards in the first level do not match topics
/// that begin with `$` (MQTT 5, section 4.7.2).
/// Threads: immutable once filled.
class Router {
public:
    static constexpr std::uint16_t kNone = 0xffff;

    Router() : nodes_(1) {}

    /// Precondition: check_topic_filter() took it.
    void add(std::string_view filter, std::uint16_t stream);

    /// The stream's number or kNone.
    [[nodiscard]] std::uint16_t find(std::string_view topic) const noexcept;

private:
    /// One level of a topic. Its first bytes as a number decide nearly every comparison.
    struct Level {
        std::string_view text;
        std::uint64_t prefix = 0;
    };
    struct Child {
        std::string text;
        std::uint64_t prefix = 0;
        std::uint32_t node = 0;
    };
    struct Node {
        std::vector<Child> children;  // sorted by prefix, then text
        std::uint32_t any = 0;        // behind `+`; 0: none
        std::uint16_t here = kNone;   // a filter ends here
        std::uint16_t below = kNone;  // a filter ends with `#` behind here
        std::uint16_t least = kNone;  // smallest stream in the subtree: no better one beyond it
    };

    static bool cut_level(std::string_view& rest, Level& level) noexcept;
    static bool before(const Child& a, const Level& b) noexcept;
    std::uint32_t child(std::uint32_t node, const Level& level);
    void search(std::uint32_t node, std::string_view rest, bool first, std::uint16_t& best)
        const noexcept;
    void enter(std::uint32_t node, std::string_view rest, bool more, std::uint16_t& best)
        const noexcept;

    std::vector<Node> nodes_;  // [0] is the root
};

}  // namespace penstock::inspect
