#include "sinks/document/elasticsearch_config.h"

#include "sinks/transport/url.h"

#include <algorithm>
#include <string_view>

namespace penstock::sinks {

const NameRules& elasticsearch_index_rules() {
    static constexpr NameRules kRules{
        .escape = NameRules::Escape::lower,
        .literal_prefix = true,
        .device_text = false,
        .size_max = 255,
        .forbidden = "ABCDEFGHIJKLMNOPQRSTUVWXYZ\\/*?\"<>|,#: "
    };
    return kRules;
}

}  // namespace penstock::sinks

namespace penstock::config {

using sinks::ElasticsearchConfig;

namespace {

/// Room behind the endpoint for the path of the call.
bool is_base(const std::string& text) {
    const auto url = sinks::Url::parse(text);
    return url.ok() && url->query.empty();
}

}  // namespace

Table<ElasticsearchConfig> Fields<ElasticsearchConfig>::table() {
    using C = ElasticsearchConfig;
    return {
        field(
            "endpoint",
            &C::endpoint,
            "URL of the cluster, e.g. https://search.example.org:9200; a path before /_bulk may "
            "stand in it.",
            required,
            satisfies<std::string>("an http or https URL without a query", is_base)
        ),
        field(
            "index",
            &C::index,
            "Index, alias or data stream that documents go to; may hold {stream} and {status}, in "
            "lower case, behind a literal text.",
            required,
            not_empty
        ),
        keys_of(&C::output),
        field(
            "timestamp",
            &C::timestamp,
            "Name under which a document has its event time, unless the record has a field of that "
            "name. Data streams want @timestamp.",
            not_empty
        ),
        field("user", &C::user, "User name (Basic authentication)."),
        field("password", &C::password, "Password of the user."),
        field("api_key", &C::api_key, "API key as the server encoded it (Authorization: ApiKey)."),
        field(
            "record_max",
            &C::record_max,
            "Largest document; larger ones go to quarantine. At most what the server takes in one "
            "request (http.max_content_length).",
            between(1_KiB, 100_MiB)
        ),
        field(
            "batch_records",
            &C::batch_records,
            "A request is sent with this many documents.",
            between(1U, 10'000U)
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

void Fields<ElasticsearchConfig>::check(
    const ElasticsearchConfig& c, const Origin& where, Problems& problems
) {
    if (!c.index.empty()) {
        const auto index = sinks::NameTemplate::parse(c.index, sinks::elasticsearch_index_rules());
        constexpr std::string_view kNoBeginning = "-_+{";
        if (!index.ok()) {
            problems.error(where.at("index"), "'index' " + index.error().message);
        } else if (kNoBeginning.find(c.index.front()) != std::string_view::npos) {
            problems.error(where.at("index"), "'index' must not begin with '-', '_' or '+'");
        } else if (c.index == "." || c.index == "..") {
            problems.error(where.at("index"), "'index' must not be '.' or '..'");
        }
    }
    if (c.output.format == sinks::OutputForm::raw) {
        problems.error(where.at("format"), "a document is a JSON object: raw cannot be");
    }
    if (c.user.empty() != c.password.empty()) {
        problems.error(where.here(), "user and password must be set together");
    }
    if (!c.user.empty() && !c.api_key.empty()) {
        problems.error(where.at("api_key"), "only one of user and api_key may be set");
    }
    const std::string_view key = c.api_key.reveal();
    const bool broken =
        std::any_of(key.begin(), key.end(), [](char k) { return k < '!' || k > '~'; });
    if (broken) problems.error(where.at("api_key"), "'api_key' must be one word");
}

}  // namespace penstock::config
