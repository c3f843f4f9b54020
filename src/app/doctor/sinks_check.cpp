#include "app/doctor/checks.h"
#include "sinks/archive/config.h"
#include "sinks/document/dynamodb_config.h"
#include "sinks/document/elasticsearch_config.h"
#include "sinks/http/http_config.h"
#include "sinks/registry.h"
#include "sinks/series/config.h"
#include "sinks/stream/kinesis_config.h"
#include "sinks/transport/http_client.h"

#include <fmt/format.h>

#include <cstdlib>
#include <optional>

namespace penstock::app::doctor {
namespace {

constexpr Nanoseconds kBound = 5 * kSecond;
/// S3 refuses signatures that are off by 15 minutes; a third of that is time to act.
constexpr Nanoseconds kSkewBad = 300 * kSecond;
constexpr Nanoseconds kSkewWarning = 5 * kSecond;

using Settings = config::Variant<sinks::SinkConfig>;

/// Where a far side speaks HTTP.
struct HttpSide {
    std::string url;
    sinks::HttpConfig how;
};

std::optional<HttpSide> http_side(const Settings& sink) {
    if (const auto* const line = sink.as<sinks::LineProtocolConfig>())
        return HttpSide{line->endpoint, line->http};
    if (const auto* const post = sink.as<sinks::HttpPostConfig>())
        return HttpSide{post->url, post->http};
    if (const auto* const kinesis = sink.as<sinks::KinesisConfig>())
        return HttpSide{kinesis->endpoint, kinesis->http};
    if (const auto* const search = sink.as<sinks::ElasticsearchConfig>())
        return HttpSide{search->endpoint, search->http};
    if (const auto* const table = sink.as<sinks::DynamodbConfig>())
        return HttpSide{table->endpoint, table->http};
    if (const auto* const archive = sink.as<sinks::ArchiveConfig>(); archive && archive->s3)
        return HttpSide{archive->s3->endpoint, archive->s3->http};
    return std::nullopt;
}

/// `http://host:port/`: no path, no query, and so no secret in it.
std::string front_door(const std::string& url) {
    const std::size_t host = url.find("://");
    if (host == std::string::npos) return {};
    return url.substr(0, url.find_first_of("/?", host + 3)) + '/';
}

/// Any answer will do: it is the Date header that is read.
void check_far_clock(
    const Subject& subject, const std::string& id, const HttpSide& side, Chart& chart
) {
    const std::string url = front_door(side.url);
    if (url.empty()) return;
    const auto answer = sinks::call_within(side.how, kBound, {"GET", url, {}, {}});
    const auto theirs = answer ? sinks::date_of(*answer) : std::nullopt;
    if (!theirs) return;
    const Nanoseconds skew = *theirs - subject.clock.wall();
    const std::string what = fmt::format(
        "{}: its clock is {} s {} ours",
        id,
        std::llabs(skew) / kSecond,
        skew < 0 ? "behind" : "ahead of"
    );
    const std::string remedy = "Run chrony or systemd-timesyncd on both machines.";
    if (std::llabs(skew) > kSkewBad) {
        chart.bad(what + "; signed requests are refused", remedy);
    } else if (std::llabs(skew) > kSkewWarning) {
        chart.warn(what, remedy);
    } else {
        chart.good(id + ": its clock agrees with ours");
    }
}

void check_reached(
    const Subject& subject, const std::string& id, const Settings& sink, Chart& chart
) {
    const sinks::SinkContext context{
        .id = id,
        .journal = {},
        .state_dir = subject.settings.data_dir / "sinks" / id,
        .clock = &subject.clock,
        .seed = 0,
        .metrics = nullptr,
        .declared_fields = {}
    };
    const auto made = sinks::make_sink(sink, context);
    const auto reached = made ? (*made)->probe(kBound) : Status(made.error());
    if (reached.ok()) {
        chart.good(fmt::format("{} ({}): reached", id, sink.type()));
        return;
    }
    chart.bad(
        fmt::format("{} ({}): {}", id, sink.type(), reached.error().message),
        "Start the far side, open the way to it, or mend address and credentials; records wait in "
        "the "
        "journal meanwhile."
    );
}

}  // namespace

void check_sinks(const Subject& subject, Chart& chart) {
    for (const auto& [id, sink] : subject.settings.sinks) {
        check_reached(subject, id, sink, chart);
        if (const auto side = http_side(sink)) check_far_clock(subject, id, *side, chart);
    }
    if (subject.settings.sinks.empty()) chart.good("there are none: records stay in the journal");
}

}  // namespace penstock::app::doctor
