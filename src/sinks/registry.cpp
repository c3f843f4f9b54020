#include "sinks/registry.h"

#include "sinks/archive/archive_sink.h"
#include "sinks/document/dynamodb.h"
#include "sinks/document/elasticsearch.h"
#include "sinks/file/file_sink.h"
#include "sinks/http/http_sink.h"
#include "sinks/series/line_protocol_sink.h"
#include "sinks/sql/postgres_sink.h"
#include "sinks/stream/kafka.h"
#include "sinks/stream/kinesis.h"
#include "sinks/stream/mqtt.h"
#include "sinks/stream/nats.h"
#include "sinks/stream/redis_latest.h"
#include "sinks/stream/redis_stream.h"

#include <algorithm>

namespace penstock::sinks {

const std::vector<SinkKind>& sink_kinds() {
    static const std::vector<SinkKind> kinds{
        kafka_kind(),
        kinesis_kind(),
        nats_kind(),
        mqtt_kind(),
        redis_stream_kind(),
        redis_latest_kind(),
        line_protocol_kind(),
        postgres_kind(),
        elasticsearch_kind(),
        dynamodb_kind(),
        archive_kind(),
        http_kind(),
        file_kind(),
    };
    return kinds;
}

namespace {

const SinkKind* kind_of(const config::Variant<SinkConfig>& settings) {
    const auto& kinds = sink_kinds();
    const auto kind = std::ranges::find(kinds, settings.type(), &SinkKind::type);
    return kind == kinds.end() ? nullptr : &*kind;
}

}  // namespace

std::string_view why_alone(const config::Variant<SinkConfig>& settings) {
    const SinkKind* const kind = kind_of(settings);
    return kind == nullptr ? "no such type of sink" : kind->alone(*settings);
}

Result<std::unique_ptr<Sink>> make_sink(
    const config::Variant<SinkConfig>& settings, const SinkContext& context
) {
    const SinkKind* const kind = kind_of(settings);
    if (kind == nullptr) {
        return Error{Errc::unsupported, "no sink of type '" + settings.type() + "'"};
    }
    return kind->make(*settings, context);
}

}  // namespace penstock::sinks
