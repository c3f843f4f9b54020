#include "sinks/archive/object_name.h"

#include "base/iso_time.h"
#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <regex>

namespace penstock::sinks {

namespace {

constexpr Nanoseconds kHour = 3600 * kSecond;
constexpr std::size_t kPrefixBytesMax = 300;
constexpr std::size_t kDigestDigits = 16;
constexpr std::size_t kNameBytesMax = 1024;  // behind the prefix
/// Escaped three times as long; with what stands around it within the 255 bytes that file systems
/// allow.
constexpr std::size_t kStreamBytesMax = 72;

}  // namespace

std::int64_t event_hour(Nanoseconds event_time) noexcept {
    return event_time / kHour - (event_time % kHour < 0 ? 1 : 0);
}

std::string object_name(
    std::string_view prefix,
    const Partition& partition,
    const JournalId& journal,
    Lsn first,
    Lsn last,
    ArchiveFormat format
) {
    const std::chrono::sys_time<std::chrono::hours> hour{std::chrono::hours(partition.hour)};
    const auto day = std::chrono::floor<std::chrono::days>(hour);
    const std::chrono::year_month_day date(day);
    std::string name(prefix);
    name += "stream=" + escaped_stream(partition.stream);
    name += fmt::format(
        "/date={:04}-{:02}-{:02}/hour={:02}/{}-{:020}-{:020}{}",
        int{date.year()},
        unsigned{date.month()},
        unsigned{date.day()},
        (hour - day).count(),
        journal.text(),
        first.value,
        last.value,
        ending(format)
    );
    return name;
}

std::string escaped_stream(std::string_view stream) {
    std::string escaped;
    text::append_path_component(escaped, stream, kStreamBytesMax);
    return escaped;
}

std::optional<ObjectName> parse_object_name(std::string_view name, std::string_view prefix) {
    if (!name.starts_with(prefix)) return std::nullopt;
    name.remove_prefix(prefix.size());
    // Names are ASCII behind the prefix: a stream is escaped.
    static const std::regex form(
        "stream=([^/]+)/date=([0-9]{4}-[0-9]{2}-[0-9]{2})/hour=([0-9]{2})/"
        "([0-9a-f]{32})-([0-9]{20})-([0-9]{20})(-[0-9a-f]{16})?\\.(ndjson\\.zst|raw\\.zst|parquet)"
    );
    std::match_results<std::string_view::const_iterator> part;
    if (name.size() > kNameBytesMax || !std::regex_match(name.begin(), name.end(), part, form))
        return std::nullopt;
    const auto time = parse_iso_time(part[2].str() + 'T' + part[3].str() + ":00:00Z");
    const auto first = text::parse_uint(part[5].str());
    const auto last = text::parse_uint(part[6].str());
    const std::string format = part[8].str();
    if (!time || !first || !last) return std::nullopt;
    return ObjectName{
        part[1].str(),
        event_hour(*time),
        part[4].str(),
        {*first},
        {*last},
        *archive_format(std::string_view(format).substr(0, format.find('.')))
    };
}

std::string name_beside(std::string_view name, std::string_view digest_hex) {
    const std::size_t slash = name.rfind('/');
    const std::size_t dot = name.find('.', slash == std::string_view::npos ? 0 : slash);
    std::string other(name.substr(0, dot));
    other += '-';
    other += digest_hex.substr(0, kDigestDigits);
    if (dot != std::string_view::npos) other += name.substr(dot);
    return other;
}

bool is_object_prefix(std::string_view prefix) noexcept {
    if (prefix.empty()) return true;
    if (prefix.size() > kPrefixBytesMax) return false;
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(prefix.begin(), prefix.end(), control)) return false;
    if (prefix.ends_with('/')) prefix.remove_suffix(1);
    while (true) {
        const std::size_t slash = prefix.find('/');
        const std::string_view segment = prefix.substr(0, slash);
        if (segment.empty() || segment == "." || segment == "..") return false;
        if (slash == std::string_view::npos) return true;
        prefix.remove_prefix(slash + 1);
    }
}

std::string with_slash(std::string prefix) {
    if (!prefix.empty() && !prefix.ends_with('/')) prefix += '/';
    return prefix;
}

}  // namespace penstock::sinks
