#include "sinks/document/dynamodb_config.h"

#include "sinks/transport/url.h"

namespace penstock::sinks {

const NameRules& dynamodb_partition_rules() {
    static constexpr NameRules kRules{
        .escape = NameRules::Escape::none, .literal_prefix = false, .size_max = 2048
    };
    return kRules;
}

}  // namespace penstock::sinks

namespace penstock::config {

using sinks::DynamodbConfig;
using sinks::DynamodbSort;

namespace {

/// Of a key's attribute; Amazon allows 255 characters.
bool is_key_name(const std::string& text) {
    return !text.empty() && text.size() <= 255;
}

}  // namespace

Table<DynamodbConfig> Fields<DynamodbConfig>::table() {
    using C = DynamodbConfig;
    return {
        field(
            "endpoint",
            &C::endpoint,
            "URL of the service without a path, e.g. https://dynamodb.eu-central-1.amazonaws.com.",
            required,
            satisfies<std::string>("an http or https URL without a path", sinks::is_origin)
        ),
        field(
            "table",
            &C::table,
            "Table; it must exist.",
            required,
            matches("[A-Za-z0-9_.-]{3,255}", "3 to 255 letters, digits, '_', '.' or '-'")
        ),
        field("region", &C::region, "Region that requests are signed for.", not_empty),
        field(
            "partition_key",
            &C::partition_key,
            "Attribute that is the table's partition key, of type S.",
            satisfies<std::string>("a name of 1 to 255 bytes", is_key_name)
        ),
        field(
            "partition_value",
            &C::partition_value,
            "What it holds; may hold {device}, {client}, {stream}, {status} and {topic}.",
            not_empty
        ),
        field(
            "sort_key",
            &C::sort_key,
            "Attribute that is the table's sort key, of type S. Empty: the table has none, and an "
            "item is the latest to arrive of its partition key."
        ),
        field(
            "sort_value",
            &C::sort_value,
            "What it holds. arrival: journal and LSN. time: event time, journal and LSN.",
            one_of<DynamodbSort>({{"arrival", DynamodbSort::arrival}, {"time", DynamodbSort::time}})
        ),
        keys_of(&C::output),
        field(
            "record_max",
            &C::record_max,
            "Largest item; larger ones go to quarantine.",
            between(1_KiB, 400_KiB)
        ),
        field(
            "batch_records",
            &C::batch_records,
            "A request is sent with this many items.",
            between(1U, 25U)
        ),
        field("batch_size", &C::batch_size, "Or at about this size of it.", between(1_KiB, 12_MiB)),
        field(
            "batch_age",
            &C::batch_age,
            "Or when its first record has waited this long.",
            between<Duration>(std::chrono::milliseconds(1), std::chrono::hours(1))
        ),
        keys_of(&C::credentials),
        keys_of(&C::http),
    };
}

void Fields<DynamodbConfig>::check(
    const DynamodbConfig& c, const Origin& where, Problems& problems
) {
    const auto value =
        sinks::NameTemplate::parse(c.partition_value, sinks::dynamodb_partition_rules());
    if (!c.partition_value.empty() && !value.ok()) {
        problems.error(where.at("partition_value"), "'partition_value' " + value.error().message);
    }
    if (c.sort_key.size() > 255) {
        problems.error(where.at("sort_key"), "must have at most 255 bytes");
    }
    if (c.sort_key == c.partition_key) {
        problems.error(where.at("sort_key"), "must be another attribute than partition_key");
    }
    if (c.output.format == sinks::OutputForm::raw) {
        problems.error(where.at("format"), "an item is made of a JSON object: raw cannot be");
    }
}

}  // namespace penstock::config
