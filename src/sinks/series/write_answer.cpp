#include "sinks/series/write_answer.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace penstock::sinks {

namespace {

bool contains(std::string_view text, std::string_view what) {
    return text.find(what) != std::string_view::npos;
}

template <std::size_t N>
bool contains_any(std::string_view text, const std::array<std::string_view, N>& list) {
    return std::any_of(list.begin(), list.end(), [text](std::string_view what) {
        return contains(text, what);
    });
}

/// Texts that servers use for lines they do not take.
constexpr std::array<std::string_view, 6> kAboutRecords{
    "partial write",
    "unable to parse",
    "field type conflict",
    "dropped=",
    "error in line",
    "line_number"
};
/// Room that the server has been given, used up: the record is as good as any other.
constexpr std::array<std::string_view, 2> kAboutLimits{"limit exceeded", "limit reached"};

std::string without_escapes(std::string_view body) {
    std::string out;
    out.reserve(body.size());
    for (std::size_t i = 0; i < body.size(); ++i) {
        const bool escape = body[i] == '\\' && i + 1 < body.size();
        if (escape && (body[i + 1] == '"' || body[i + 1] == '\\' || body[i + 1] == '/')) ++i;
        out += body[i];
    }
    return out;
}

std::optional<std::uint64_t> number_behind(std::string_view text, std::string_view mark) {
    const std::size_t at = text.find(mark);
    if (at == std::string_view::npos) return std::nullopt;
    text.remove_prefix(at + mark.size());
    return text::parse_uint(
        text.substr(0, std::min(text.find_first_not_of("0123456789"), text.size()))
    );
}

FailureClass class_of(int status) {
    if (status == 401 || status == 403 || status == 407) return FailureClass::credentials;
    if (status == 429 || status == 503) return FailureClass::throttled;
    if (status == 408 || status >= 500 || status < 300) return FailureClass::transient;
    return FailureClass::configuration;
}

std::string sentence(const HttpResponse& response) {
    std::string text = "HTTP status " + std::to_string(response.status);
    const std::string_view location = response.header("location");
    if (response.status / 100 == 3 && !location.empty())
        text += ", redirected to " + excerpt(location);
    if (!response.body.empty()) text += ": " + excerpt(response.body);
    return text;
}

}  // namespace

WriteAnswer judge_write(const HttpResponse& response, Nanoseconds wall) {
    WriteAnswer answer;
    if (response.success()) {
        answer.verdict = WriteVerdict::confirmed;
        return answer;
    }
    answer.reason = sentence(response);
    answer.failure = {class_of(response.status), answer.reason, retry_after(response, wall)};
    if (response.status == 413) {
        answer.verdict = WriteVerdict::too_large;
        return answer;
    }
    if (response.status != 400 && response.status != 422) return answer;
    answer.text = without_escapes(response.body);
    answer.dropped = number_behind(answer.text, "dropped=");
    if (contains_any(answer.text, kAboutLimits)) return answer;
    answer.verdict = contains_any(answer.text, kAboutRecords) ? WriteVerdict::bad_records
                                                              : WriteVerdict::unclear;
    return answer;
}

bool empty_write_accepted(const HttpResponse& response) {
    if (response.success()) return true;
    // InfluxDB 2 knows the bucket before it misses the points.
    return response.status == 400 && contains(response.body, "requires points");
}

bool is_victoria(const HttpResponse& response) {
    return !response.header("x-server-hostname").empty();
}

}  // namespace penstock::sinks
