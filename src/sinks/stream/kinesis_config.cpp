#include "sinks/stream/kinesis_config.h"

#include "sinks/transport/url.h"

namespace penstock::sinks {

const NameRules& kinesis_key_rules() {
    // A partition key has 256 characters at most; bytes are at least as many.
    static constexpr NameRules kRules{
        .escape = NameRules::Escape::none, .literal_prefix = false, .size_max = 256
    };
    return kRules;
}

}  // namespace penstock::sinks

namespace penstock::config {

using sinks::KinesisConfig;

Table<KinesisConfig> Fields<KinesisConfig>::table() {
    using C = KinesisConfig;
    return {
        field(
            "endpoint",
            &C::endpoint,
            "URL of the service without a path, e.g. https://kinesis.eu-central-1.amazonaws.com.",
            required,
            satisfies<std::string>("an http or https URL without a path", sinks::is_origin)
        ),
        field(
            "stream",
            &C::stream,
            "Name of the stream; it must exist.",
            required,
            matches("[A-Za-z0-9_.-]{1,128}", "1 to 128 letters, digits, '_', '.' or '-'")
        ),
        field("region", &C::region, "Region that requests are signed for.", not_empty),
        field(
            "key",
            &C::key,
            "Partition key; may hold {device}, {client}, {stream}, {status} and {topic}. Empty: a "
            "random one for each record, which spreads them evenly and keeps no order."
        ),
        keys_of(&C::output),
        field(
            "record_max",
            &C::record_max,
            "Largest record with its key; larger ones go to quarantine. At most what the stream "
            "takes.",
            between(1_KiB, 10_MiB)
        ),
        field(
            "batch_records",
            &C::batch_records,
            "At most this many records in a request.",
            between(1U, 500U)
        ),
        field(
            "batch_size",
            &C::batch_size,
            "At most this size of records and keys in a request, or one record.",
            between(ByteCount{1024}, ByteCount{10'000'000})
        ),
        field(
            "batch_age",
            &C::batch_age,
            "A request is sent when its first record has waited this long, if it is not full.",
            between<Duration>(Duration(0), std::chrono::hours(1))
        ),
        field("connections", &C::connections, "Requests under way at once.", between(1U, 64U)),
        keys_of(&C::credentials),
        keys_of(&C::http),
    };
}

void Fields<KinesisConfig>::check(const KinesisConfig& c, const Origin& where, Problems& problems) {
    const auto key = sinks::NameTemplate::parse(c.key, sinks::kinesis_key_rules());
    if (!c.key.empty() && !key.ok()) {
        problems.error(where.at("key"), "'key' " + key.error().message);
    }
}

}  // namespace penstock::config
