#include "ingest/http/content.h"

#include "base/base64.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace penstock::ingest::http {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
    while (text.starts_with(' ') || text.starts_with('\t'))
        text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\t'))
        text.remove_suffix(1);
    return text;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

constexpr std::array<std::string_view, 4> kUnspecific{
    "", "application/octet-stream", "application/x-www-form-urlencoded", "text/plain"
};
constexpr std::array<std::string_view, 6> kLines{
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/jsonlines",
    "application/json-lines"
};

Authorization parse_basic(std::string_view encoded) {
    Authorization made;
    const auto decoded = base64_decoded(encoded);
    const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
    made.understood = colon != std::string::npos;
    if (!made.understood) return made;
    made.user = decoded->substr(0, colon);
    made.password = decoded->substr(colon + 1);
    return made;
}

}  // namespace

std::optional<Format> format_of(std::string_view content_type) {
    const std::string type = lower(trimmed(content_type.substr(0, content_type.find(';'))));
    if (std::ranges::find(kUnspecific, type) != kUnspecific.end()) return Format::any;
    if (std::ranges::find(kLines, type) != kLines.end()) return Format::lines;
    const bool json = type == "application/json" || type == "text/json" ||
                      (type.starts_with("application/") && type.ends_with("+json"));
    if (json) return Format::json;
    return std::nullopt;
}

Authorization parse_authorization(std::string_view header) {
    Authorization made;
    header = trimmed(header);
    if (header.empty()) return made;
    const std::size_t blank = header.find(' ');
    const std::string scheme = lower(header.substr(0, blank));
    const std::string_view rest =
        blank == std::string_view::npos ? std::string_view{} : trimmed(header.substr(blank));
    if (scheme == "basic") return parse_basic(rest);
    made.understood = scheme == "bearer" && !rest.empty();
    if (made.understood) made.token = rest;
    return made;
}

}  // namespace penstock::ingest::http
