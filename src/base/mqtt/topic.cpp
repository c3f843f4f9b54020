#include "base/mqtt/topic.h"

#include "base/utf8.h"

#include <cstring>

namespace penstock::mqtt {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kLows = 0x7f7f7f7f7f7f7f7f;

/// The high bit of each byte that equals `c`, exactly.
constexpr std::uint64_t matches(std::uint64_t word, char c) noexcept {
    const std::uint64_t x = word ^ kOnes * static_cast<unsigned char>(c);
    return ~(((x & kLows) + kLows) | x | kLows);
}

/// How many of matches(). A multiplication: std::popcount is a call on plain x86-64.
constexpr std::uint32_t count(std::uint64_t matched) noexcept {
    return static_cast<std::uint32_t>((matched >> 7) * kOnes >> 56);
}

/// No wildcard, and how many slashes.
bool plain(std::string_view topic, std::uint32_t& slashes) noexcept {
    std::size_t i = 0;
    std::uint64_t wild = 0;
    for (; i + 8 <= topic.size(); i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, topic.data() + i, 8);
        wild |= matches(word, '+') | matches(word, '#');
        slashes += count(matches(word, '/'));
    }
    for (; i < topic.size(); ++i) {
        if (topic[i] == '+' || topic[i] == '#') return false;
        if (topic[i] == '/') ++slashes;
    }
    return wild == 0;
}

bool valid_levels(std::string_view filter) noexcept {
    for (std::size_t i = 0; i < filter.size(); ++i) {
        if (filter[i] != '+' && filter[i] != '#') continue;
        const bool begins = i == 0 || filter[i - 1] == '/';
        const bool ends = i + 1 == filter.size() || (filter[i] == '+' && filter[i + 1] == '/');
        if (!begins || !ends) return false;
    }
    return true;
}

}  // namespace

TopicFault check_topic_name(
    std::string_view topic, std::uint32_t max_bytes, std::uint32_t max_levels
) noexcept {
    if (topic.empty()) return TopicFault::invalid;
    const text::Text text = text::classify_utf8(topic);
    if (text == text::Text::malformed) return TopicFault::malformed;
    std::uint32_t slashes = 0;
    if (!plain(topic, slashes) || text == text::Text::unusual) return TopicFault::invalid;
    return topic.size() > max_bytes || slashes >= max_levels ? TopicFault::too_long
                                                             : TopicFault::none;
}

bool valid_topic_filter(std::string_view filter) noexcept {
    constexpr std::string_view kShared = "$share/";
    if (filter.empty()) return false;
    if (!filter.starts_with(kShared)) return valid_levels(filter);
    const std::string_view rest = filter.substr(kShared.size());
    const std::size_t slash = rest.find('/');
    if (slash == 0 || slash == std::string_view::npos || slash + 1 == rest.size()) return false;
    if (rest.substr(0, slash).find_first_of("+#") != std::string_view::npos) return false;
    return valid_levels(rest.substr(slash + 1));
}

void TopicAliases::set(std::uint16_t alias, std::uint16_t max, std::string_view topic) {
    if (topics_ == nullptr) topics_ = std::make_unique<std::vector<std::string>>(max);
    std::string& place = (*topics_)[alias - 1U];
    if (place != topic) place = topic;
}

std::string_view TopicAliases::find(std::uint16_t alias) const noexcept {
    if (topics_ == nullptr || alias == 0 || alias > topics_->size()) return {};
    return (*topics_)[alias - 1U];
}

}  // namespace penstock::mqtt
