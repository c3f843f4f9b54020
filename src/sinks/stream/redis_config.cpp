#include "sinks/stream/redis_config.h"

#include "sinks/transport/host_port.h"

namespace penstock::sinks {

const NameRules& redis_key_rules() {
    static constexpr NameRules kRules{};
    return kRules;
}

}  // namespace penstock::sinks

namespace penstock::config {

using sinks::RedisLatestConfig;
using sinks::RedisServerConfig;
using sinks::RedisStreamConfig;
using sinks::RedisWriteConfig;

Table<RedisServerConfig> Fields<RedisServerConfig>::table() {
    using C = RedisServerConfig;
    using std::chrono::milliseconds;
    using std::chrono::minutes;
    return {
        field(
            "server",
            &C::server,
            "Server: host:port.",
            required,
            satisfies<std::string>(
                "host:port",
                [](const std::string& text) {
                    return sinks::HostPort::parse(text, sinks::kRedisPort).has_value();
                }
            )
        ),
        field("database", &C::database, "Number of the database.", at_most(1'000'000U)),
        field("user", &C::user, "User of an access control list; without one: the default user."),
        field("password", &C::password, "Password of the user."),
        field("use_tls", &C::use_tls, "Encrypt, and check the server's certificate and name."),
        field("tls", &C::tls, "Certificates."),
        field(
            "connect_timeout",
            &C::connect_timeout,
            "Longest wait for a connection.",
            between<Duration>(milliseconds(100), minutes(5))
        ),
        field(
            "reply_timeout",
            &C::reply_timeout,
            "Connect anew when a reply takes longer.",
            between<Duration>(milliseconds(100), minutes(10))
        ),
    };
}

void Fields<RedisServerConfig>::check(
    const RedisServerConfig& c, const Origin& where, Problems& problems
) {
    if (!c.user.empty() && c.password.empty()) {
        problems.error(where.at("user"), "'user' needs 'password'");
    }
    sinks::check_use_tls(c.use_tls, c.tls, where, problems);
    if (!c.use_tls && !c.password.empty()) {
        problems.warn(where.at("password"), "the password goes over the network unprotected");
    }
}

Table<RedisWriteConfig> Fields<RedisWriteConfig>::table() {
    using C = RedisWriteConfig;
    return {
        keys_of(&C::connection),
        field(
            "record_max",
            &C::record_max,
            "Largest command for one record; larger ones go to quarantine.",
            between(1_KiB, 256_MiB)
        ),
        field(
            "batch_records",
            &C::batch_records,
            "At most this many records in one transaction.",
            between(1U, 10'000U)
        ),
        field("batch_size", &C::batch_size, "At most about this size.", between(1_KiB, 64_MiB)),
        field(
            "settle",
            &C::settle,
            "How long a confirmation must stand before it counts: with appendfsync everysec the "
            "server's disk has it by then.",
            between<Duration>(Duration(0), std::chrono::hours(1))
        ),
    };
}

Table<RedisStreamConfig> Fields<RedisStreamConfig>::table() {
    using C = RedisStreamConfig;
    return {
        field(
            "key",
            &C::key,
            "Key of the stream; may hold {device}, {client}, {stream}, {status} and {topic} behind "
            "a literal beginning."
        ),
        field(
            "max_length",
            &C::max_length,
            "Redis cuts a stream that has more entries than about this; 0: never."
        ),
        keys_of(&C::output),
        keys_of(&C::write),
    };
}

Table<RedisLatestConfig> Fields<RedisLatestConfig>::table() {
    using C = RedisLatestConfig;
    return {
        field(
            "key",
            &C::key,
            "Key of a device's hash; may hold {device}, {client}, {stream}, {status} and {topic} "
            "behind a literal beginning."
        ),
        field(
            "fields",
            &C::fields,
            "Only these fields: fields of the payload, derived ones, status, score, "
            "_penstock.device and its like. Empty: all.",
            max_items(1024)
        ),
        field(
            "rename",
            &C::rename,
            "Other names for fields: field name to name in the hash.",
            max_items(1024)
        ),
        field(
            "expire",
            &C::expire,
            "A hash goes when its device has sent nothing newer for this long; 0: never.",
            between<Duration>(Duration(0), std::chrono::hours(24 * 3650))
        ),
        keys_of(&C::write),
    };
}

void Fields<RedisLatestConfig>::check(
    const RedisLatestConfig& c, const Origin& where, Problems& problems
) {
    const auto key = sinks::NameTemplate::parse(c.key, sinks::redis_key_rules());
    if (!key.ok()) problems.error(where.at("key"), "'key' " + key.error().message);
    sinks::OutputConfig names{sinks::OutputForm::flat, c.fields, c.rename};
    Fields<sinks::OutputConfig>::check(names, where, problems);
}

void Fields<RedisStreamConfig>::check(
    const RedisStreamConfig& c, const Origin& where, Problems& problems
) {
    const auto key = sinks::NameTemplate::parse(c.key, sinks::redis_key_rules());
    if (!key.ok()) problems.error(where.at("key"), "'key' " + key.error().message);
}

}  // namespace penstock::config
