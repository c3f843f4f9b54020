#include "inspect/config.h"

#include "inspect/stream.h"

namespace penstock::config {

using inspect::Config;
using inspect::DeviceConfig;
using inspect::FieldConfig;
using inspect::OnInvalid;
using inspect::PayloadConfig;
using inspect::ScoreStateConfig;
using inspect::ScoringConfig;
using inspect::StatusConfig;
using inspect::StreamConfig;
using inspect::TimeConfig;
using inspect::TimeFormat;
using inspect::ValueType;

namespace {

NameList<OnInvalid> quarantine_or_refuse() {
    return one_of<OnInvalid>({{"quarantine", OnInvalid::quarantine}, {"refuse", OnInvalid::refuse}}
    );
}

}  // namespace

Table<FieldConfig> Fields<FieldConfig>::table() {
    return {
        field(
            "type",
            &FieldConfig::type,
            "What the field holds. A number may be an integer, an integer has neither point nor "
            "exponent.",
            one_of<ValueType>({
                {"any", ValueType::any},
                {"number", ValueType::number},
                {"integer", ValueType::integer},
                {"string", ValueType::string},
                {"boolean", ValueType::boolean},
                {"object", ValueType::object},
                {"array", ValueType::array},
            })
        ),
        field("min", &FieldConfig::min, "Smallest number that is valid."),
        field("max", &FieldConfig::max, "Largest number that is valid."),
        field("enum", &FieldConfig::allowed, "The only values that are valid.", max_items(256)),
        field("max_length", &FieldConfig::max_length, "Longest text that is valid, in characters."),
        field(
            "required", &FieldConfig::required, "Whether it must be there; null counts as absent."
        ),
    };
}

Table<DeviceConfig> Fields<DeviceConfig>::table() {
    return {
        field(
            "field",
            &DeviceConfig::field,
            "The field that holds the device id, a text or integer.",
            not_empty
        ),
        field(
            "topic_level",
            &DeviceConfig::topic_level,
            "The level of the topic that is the device id, from 1.",
            at_least(1)
        ),
        field(
            "client_id",
            &DeviceConfig::client_id,
            "The client id is the device id, as without any of these keys."
        ),
    };
}

Table<TimeConfig> Fields<TimeConfig>::table() {
    return {
        field(
            "field",
            &TimeConfig::field,
            "The field that holds the time of the event; without it the time of arrival counts.",
            not_empty
        ),
        field(
            "format",
            &TimeConfig::format,
            "How the time is written; s, ms, us and ns count since 1970. auto: texts are ISO 8601, "
            "numbers tell their unit by their size.",
            one_of<TimeFormat>({
                {"auto", TimeFormat::automatic},
                {"iso8601", TimeFormat::iso8601},
                {"s", TimeFormat::seconds},
                {"ms", TimeFormat::milliseconds},
                {"us", TimeFormat::microseconds},
                {"ns", TimeFormat::nanoseconds},
            })
        ),
        field(
            "max_future",
            &TimeConfig::max_future,
            "A time further ahead of the clock than this is replaced by the time of arrival and "
            "flagged."
        ),
    };
}

Table<StatusConfig> Fields<StatusConfig>::table() {
    return {
        field(
            "when",
            &StatusConfig::when,
            "A condition over the record's fields; the first that holds decides."
        ),
        field("is", &StatusConfig::is, "The status word that it gives."),
        field(
            "otherwise",
            &StatusConfig::otherwise,
            "In place of when and is, last in the list: the status word when no condition holds."
        ),
    };
}

Table<ScoringConfig> Fields<ScoringConfig>::table() {
    return {
        field(
            "window",
            &ScoringConfig::window,
            "How many values the learned level remembers.",
            between(10, 2000)
        ),
        field(
            "warm_up",
            &ScoringConfig::warm_up,
            "How many values of a device's field are watched before they are scored.",
            between(5, 1000)
        ),
    };
}

Table<StreamConfig> Fields<StreamConfig>::table() {
    return {
        field(
            "topics",
            &StreamConfig::topics,
            "MQTT topic filters; of several streams that match, the first in the file takes the "
            "message.",
            max_items(1024)
        ),
        field("device", &StreamConfig::device, "Where the device id comes from."),
        field("time", &StreamConfig::time, "Where the time of the event comes from."),
        field(
            "sequence",
            &StreamConfig::sequence,
            "The field that holds the device's own numbering, an integer.",
            not_empty
        ),
        field(
            "fields",
            &StreamConfig::fields,
            "What is known about fields, by name (position.lat for a nested one). Others are kept "
            "unchecked.",
            max_items(1024)
        ),
        field(
            "derive",
            &StreamConfig::derive,
            "Fields computed by an expression over the others, in this order.",
            max_items(64)
        ),
        field(
            "status",
            &StreamConfig::status,
            "Conditions that give the record a status word; without any that holds it is NORMAL.",
            max_items(64)
        ),
        field(
            "score",
            &StreamConfig::score,
            "Fields with a learned score of how unusual they are for their device.",
            max_items(64)
        ),
        field("scoring", &StreamConfig::scoring, "How the learned score learns."),
        field(
            "on_invalid",
            &StreamConfig::on_invalid,
            "Whether an invalid message is kept aside and acknowledged, or refused to the device.",
            quarantine_or_refuse()
        ),
    };
}

Table<PayloadConfig> Fields<PayloadConfig>::table() {
    return {
        field("max_size", &PayloadConfig::max_size, "Largest payload.", between(1_KiB, 256_MiB)),
        field(
            "max_fields",
            &PayloadConfig::max_fields,
            "Most fields in a payload, nested ones included.",
            between(1, 16'384)
        ),
    };
}

Table<ScoreStateConfig> Fields<ScoreStateConfig>::table() {
    return {
        field(
            "memory",
            &ScoreStateConfig::memory,
            "Most memory for what the learned score knows about devices; at the bound those heard "
            "of least recently are forgotten.",
            between(1_MiB, 1024_GiB)
        ),
    };
}

Table<Config> Fields<Config>::table() {
    return {
        field(
            "streams",
            &Config::streams,
            "What kinds of records there are, by name; each is also POST /v1/ingest/<name>.",
            names_are_ids(),
            max_items(1024)
        ),
        field(
            "unrouted",
            &Config::unrouted,
            "What happens to a message that no stream takes.",
            quarantine_or_refuse()
        ),
        field("payload", &Config::payload, "Bounds of a payload."),
        field(
            "score_state",
            &Config::score_state,
            "Bounds of what the learned score remembers.",
            needs_restart
        ),
    };
}

void Fields<Config>::check(const Config& config, const Origin&, Problems& problems) {
    (void)inspect::compile_streams(config, problems);
}

}  // namespace penstock::config
