// What records become on their way to each kind of far side, without the far side.
#include "sample.h"
#include "sinks/encode/archive_format.h"
#include "sinks/encode/gzip.h"
#include "sinks/encode/line_protocol.h"
#include "sinks/encode/output.h"
#include "sinks/encode/zstd_writer.h"
#include "sinks/name_template.h"
#include "sinks/sql/postgres_table.h"
#include "sinks/stream/kafka_config.h"
#include "sinks/stream/kinesis.h"
#include "sinks/stream/redis_latest.h"
#include "sinks/stream/redis_stream.h"
#include "stage.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace penstock::stages {
namespace {

using namespace sinks;

/// Records that a sink is given before it begins anew.
constexpr std::size_t kBatch = 500;

constexpr JournalId kJournal{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

/// The records one after the other, for ever, each with an LSN of its own.
class Feed {
public:
    const RecordView& next() { return records().at(at_++ % kDevices); }
    [[nodiscard]] Lsn lsn() const { return {1'000'000 + at_}; }

private:
    std::size_t at_ = 0;
};

/// Calls `append(lsn, record, out)`.
template <class Append>
Step texts(Append append) {
    return [append = std::move(append), feed = Feed(), out = std::string()]() mutable {
        out.clear();
        const RecordView& record = feed.next();
        append(feed.lsn(), record, out);
        if (out.empty()) throw std::runtime_error("nothing was written");
        used(out);
    };
}

/// An encoder with append(lsn, record, out), made once.
template <class Encoder>
Step encoder(Encoder made) {
    return texts([encoder = std::make_shared<Encoder>(std::move(made))](auto&&... arguments) {
        static_cast<void>(encoder->append(arguments...));
    });
}

Step output(OutputForm form) {
    OutputConfig config;
    config.format = form;
    return encoder(OutputEncoder(config, kJournal));
}

Step line_protocol() {
    LineFormat format;
    format.tags = {"deviceId", "status"};
    return encoder(LineEncoder(format));
}

/// The columns of a table that was made for the declared fields, as the server describes them.
Step postgres_row() {
    const auto column = [](const char* name, const char* oid, const char* type) {
        return std::vector<std::string>{name, oid, type, "f", "f", "journal, lsn"};
    };
    auto table = PostgresTable::of(
        "telemetry",
        {column("journal", "2950", "uuid"),
         column("lsn", "20", "bigint"),
         column("device", "25", "text"),
         column("stream", "25", "text"),
         column("event_time", "1184", "timestamp with time zone"),
         column("received_at", "1184", "timestamp with time zone"),
         column("status", "25", "text"),
         column("score", "701", "double precision"),
         column("payload", "3802", "jsonb"),
         column("heartRate", "701", "double precision"),
         column("steps", "20", "bigint"),
         column("spo2", "701", "double precision"),
         column("battery", "701", "double precision"),
         column("wristOn", "16", "boolean")},
        {},
        kJournal,
        0
    );
    if (!table.ok()) throw std::runtime_error(table.error().message);
    return texts([table = std::make_shared<PostgresTable>(*std::move(table)
                  )](Lsn lsn, const RecordView& record, std::string& out) {
        if (const Status row = table->append_row(lsn, record, out); !row.ok())
            throw std::runtime_error(row.error().message);
    });
}

Step key() {
    auto name = NameTemplate::parse("wearables/{stream}/{device}", kafka_key_rules());
    if (!name.ok()) throw std::runtime_error(name.error().message);
    return texts([name = *std::move(name), scratch = std::string()](
                     Lsn /*lsn*/, const RecordView& record, std::string& out
                 ) mutable { out = name.of(record, scratch); });
}

void fill(Sink& sink, Feed& feed) {
    for (std::size_t i = 0; i < kBatch; ++i) {
        const RecordView& record = feed.next();
        if (!sink.put(feed.lsn(), record)) throw std::runtime_error("not put");
    }
}

/// The sink itself takes a batch, and sends nothing.
Step kinesis_entries() {
    KinesisConfig config;
    config.endpoint = "http://127.0.0.1:9";
    config.stream = "telemetry";
    config.credentials.access_key = "key";
    auto made = make_kinesis_sink(config, {.id = "kinesis", .journal = kJournal, .state_dir = {}});
    if (!made.ok()) throw std::runtime_error(made.error().message);
    const std::shared_ptr<Sink> sink = *std::move(made);
    return [sink, feed = Feed()]() mutable {
        fill(*sink, feed);
        sink->reset(feed.lsn());
    };
}

/// A new sink for each batch: it connects when it is reset.
template <class Config>
Step redis_commands(Result<std::unique_ptr<Sink>> (*make)(const Config&, const SinkContext&)) {
    return [make, feed = Feed()]() mutable {
        Config config;
        config.write.connection.server = "127.0.0.1:9";
        config.write.batch_size = 16_MiB;
        auto sink = make(config, {.id = "redis", .journal = kJournal, .state_dir = {}});
        if (!sink.ok()) throw std::runtime_error(sink.error().message);
        fill(**sink, feed);
    };
}

/// All records as NDJSON, in the pieces that the archive compresses.
std::vector<std::string> blocks(std::size_t size) {
    const RecordJson json(kJournal);
    std::vector<std::string> blocks(1);
    for (std::size_t i = 0; i < kDevices; ++i) {
        json.append({i + 1}, records().at(i), blocks.back());
        blocks.back() += '\n';
        if (blocks.back().size() > size) blocks.emplace_back();
    }
    return blocks;
}

Step zstd() {
    auto writer = std::make_shared<ZstdWriter>(1);
    return [writer, blocks = blocks(64U << 10U), out = std::string()]() mutable {
        out.clear();
        for (const std::string& block : blocks)
            writer->add(block, out);
        writer->end(out);
        used(out);
    };
}

Step gzip_block() {
    return [blocks = blocks(std::size_t{16} << 20U)] { used(gzip(blocks.front())); };
}

}  // namespace

std::vector<Stage> sink_stages() {
    return {
        {"sinks/json_enriched", 1, [] { return output(OutputForm::enriched); }},
        {"sinks/json_flat", 1, [] { return output(OutputForm::flat); }},
        {"sinks/line_protocol", 1, line_protocol},
        {"sinks/archive_ndjson",
         1,
         [] { return encoder(ArchiveEncoder(ArchiveFormat::ndjson, kJournal)); }},
        {"sinks/archive_raw",
         1,
         [] { return encoder(ArchiveEncoder(ArchiveFormat::raw, kJournal)); }},
        {"sinks/zstd_level_1", kDevices, zstd},
        {"sinks/gzip", kDevices, gzip_block},
        {"sinks/postgres_row", 1, postgres_row},
        {"sinks/kinesis_entry", kBatch, kinesis_entries},
        {"sinks/redis_stream_command",
         kBatch,
         [] { return redis_commands<RedisStreamConfig>(make_redis_stream_sink); }},
        {"sinks/redis_latest_command",
         kBatch,
         [] { return redis_commands<RedisLatestConfig>(make_redis_latest_sink); }},
        {"sinks/name_template", 1, key},
    };
}

}  // namespace penstock::stages
