#include "sinks/http/http_config.h"

#include "sinks/transport/url.h"

#include <algorithm>

namespace penstock::config {

using sinks::HttpBody;
using sinks::HttpPostConfig;

namespace {

/// RFC 9110, section 5.1: a token.
bool is_header_name(const std::string& text) {
    static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        const char lower = static_cast<char>(c | 0x20);
        return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
               kMarks.find(c) != std::string_view::npos;
    });
}

bool has_control(const std::string& text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
}

}  // namespace

Table<HttpPostConfig> Fields<HttpPostConfig>::table() {
    using C = HttpPostConfig;
    return {
        field(
            "url",
            &C::url,
            "Where requests go (POST).",
            required,
            satisfies<std::string>(sinks::kUrlRule, sinks::is_url)
        ),
        field(
            "body",
            &C::body,
            "How the records of a request stand in its body: one a line, or as a JSON array.",
            one_of<HttpBody>({{"ndjson", HttpBody::ndjson}, {"array", HttpBody::array}})
        ),
        keys_of(&C::output),
        field("headers", &C::headers, "Further headers, by name.", max_items(64)),
        field("bearer_token", &C::bearer_token, "Token for Authorization: Bearer."),
        field(
            "hmac_key",
            &C::hmac_key,
            "Sign each body: sha256= and the hexadecimal HMAC-SHA256 with this key."
        ),
        field(
            "hmac_header",
            &C::hmac_header,
            "Header that the signature stands in.",
            satisfies<std::string>("a header's name", is_header_name)
        ),
        field(
            "refused_statuses",
            &C::refused_statuses,
            "Answers that blame a record: the request is sent again in parts until the one is "
            "found, "
            "which goes to quarantine. Others of 400 to 499 are an alarm.",
            between(400U, 499U),
            max_items(16)
        ),
        field(
            "batch_records",
            &C::batch_records,
            "A request is sent with this many records.",
            between(1U, 100'000U)
        ),
        field(
            "batch_size",
            &C::batch_size,
            "Or at about this size, before gzip.",
            between(1_KiB, 64_MiB)
        ),
        field(
            "batch_age",
            &C::batch_age,
            "Or when its first record has waited this long.",
            between<Duration>(std::chrono::milliseconds(1), std::chrono::hours(1))
        ),
        field("gzip", &C::gzip, "Compress request bodies."),
        keys_of(&C::http),
    };
}

void Fields<HttpPostConfig>::check(
    const HttpPostConfig& c, const Origin& where, Problems& problems
) {
    for (const auto& [name, value] : c.headers) {
        if (!is_header_name(name) || has_control(value)) {
            problems.error(where.at("headers." + name), "is no header");
        }
    }
    if (c.body == HttpBody::array && c.output.format == sinks::OutputForm::raw) {
        problems.error(where.at("body"), "an array needs JSON: 'format: raw' goes with ndjson");
    }
}

}  // namespace penstock::config
