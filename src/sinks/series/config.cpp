#include "sinks/series/config.h"

#include "sinks/transport/url.h"

namespace penstock::config {

using sinks::LineBatchConfig;
using sinks::LineProtocolConfig;
using sinks::TimePrecision;

namespace {

bool is_settle(const std::string& text) {
    return text == "auto" || parse_duration(text).ok();
}

}  // namespace

Table<LineBatchConfig> Fields<LineBatchConfig>::table() {
    return {
        field(
            "records",
            &LineBatchConfig::records,
            "A batch is sent at this many records.",
            between(1U, 100'000U)
        ),
        field(
            "bytes",
            &LineBatchConfig::bytes,
            "Or at this size, before gzip.",
            between(1_KiB, 64_MiB)
        ),
        field(
            "age",
            &LineBatchConfig::age,
            "Or when its first record has waited this long.",
            between<Duration>(std::chrono::milliseconds(1), std::chrono::hours(1))
        ),
    };
}

Table<LineProtocolConfig> Fields<LineProtocolConfig>::table() {
    using C = LineProtocolConfig;
    return {
        field(
            "endpoint",
            &C::endpoint,
            "URL of the write call: VictoriaMetrics http://host:8428/write, InfluxDB 1 "
            "http://host:8086/write, InfluxDB 2 http://host:8086/api/v2/write. Without a path: "
            "/write.",
            required,
            satisfies<std::string>(sinks::kUrlRule, sinks::is_url)
        ),
        field("database", &C::database, "InfluxDB 1: database (db=)."),
        field("org", &C::org, "InfluxDB 2: organisation."),
        field("bucket", &C::bucket, "InfluxDB 2: bucket."),
        field(
            "measurement",
            &C::measurement,
            "Name of the measurement; the stream's name when not set."
        ),
        field(
            "tags",
            &C::tags,
            "Tags of a point: deviceId (or device), client, status, stream, topic, or names of "
            "payload fields.",
            max_items(64)
        ),
        field(
            "fields",
            &C::fields,
            "Fields of a point; empty: every number and boolean that is no tag, and the score. "
            "Strings are written only when named here. A record without any of them makes no "
            "point.",
            max_items(1024)
        ),
        field(
            "rename", &C::rename, "Other keys for tags and fields: name to key.", max_items(1024)
        ),
        field(
            "integers",
            &C::integers,
            "Write whole numbers as integers (7i). A field that is not always whole then conflicts "
            "at servers with typed fields."
        ),
        field(
            "tie_break",
            &C::tie_break,
            "Fill the digits of a time below the device's own precision from the LSN, so that "
            "points of one device with equal times do not overwrite each other."
        ),
        field(
            "precision",
            &C::precision,
            "Unit of the times.",
            one_of<TimePrecision>(
                {{"ns", TimePrecision::nanoseconds},
                 {"us", TimePrecision::microseconds},
                 {"ms", TimePrecision::milliseconds},
                 {"s", TimePrecision::seconds}}
            )
        ),
        field("batch", &C::batch, "When a batch is sent."),
        field("gzip", &C::gzip, "Compress request bodies."),
        field("user", &C::user, "User name (Basic authentication)."),
        field("password", &C::password, "Password of the user."),
        field("token", &C::token, "InfluxDB token (Authorization: Token)."),
        field("bearer_token", &C::bearer_token, "Token for Authorization: Bearer."),
        field(
            "settle",
            &C::settle,
            "How long a confirmation must stand before it counts. auto: 15s until the server is "
            "known, then 15s for VictoriaMetrics, which loses its last seconds when killed, and 0 "
            "for others.",
            satisfies<std::string>("auto or a duration", is_settle)
        ),
        keys_of(&C::http),
    };
}

void Fields<LineProtocolConfig>::check(
    const LineProtocolConfig& c, const Origin& where, Problems& problems
) {
    const int ways =
        (c.user.empty() ? 0 : 1) + (c.token.empty() ? 0 : 1) + (c.bearer_token.empty() ? 0 : 1);
    if (ways > 1)
        problems.error(where.here(), "only one of user, token and bearer_token may be set");
    if (c.user.empty() != c.password.empty()) {
        problems.error(where.here(), "user and password must be set together");
    }
    if (!c.database.empty() && !c.bucket.empty()) {
        problems.error(
            where.at("database"), "database (InfluxDB 1) and bucket (InfluxDB 2) exclude each other"
        );
    }
}

}  // namespace penstock::config
