#include "sinks/stream/kafka.h"

#include "base/metrics.h"
#include "sinks/contract/rig.h"
#include "sinks/stream/kafka_far_side.h"
#include "sinks/stream/kafka_settings.h"

#include <catch2/catch.hpp>
#include <librdkafka/rdkafka.h>

#include <ctime>
#include <map>
#include <set>

namespace penstock::sinks {
namespace {

using contract::Fault;
using contract::MockKafka;
using contract::Rig;

PS_SINK_CONTRACT("kafka, mock cluster", "[sinks][kafka]", [] {
    return std::make_unique<MockKafka>();
})

TEST_CASE("kafka: key, value, headers and timestamp of a record", "[sinks][kafka]") {
    MockKafka far;
    Rig rig(far);
    rig.append(1);
    REQUIRE(rig.drain());
    const auto& all = far.raw();
    REQUIRE(all.size() == 1);
    CHECK(all[0].key == "device-0");
    CHECK(all[0].headers.at("penstock.lsn") == "1");
    CHECK(all[0].headers.at("penstock.journal") == "a1b2c3d4e5f60102030405060708090a");
    CHECK(all[0].headers.at("penstock.stream") == "wearables");
    CHECK(all[0].headers.at("penstock.status") == "HIGH_HEART_RATE");
    CHECK(all[0].timestamp_ms == test::RecordSpec::kEpoch / kMillisecond);
    CHECK(all[0].value.starts_with(R"({"deviceId":"device-0","heartRate":0)"));
    CHECK(all[0].value.find(R"("lsn":1)") != std::string::npos);
}

TEST_CASE("kafka: format raw carries the bytes as received", "[sinks][kafka]") {
    MockKafka far;
    far.config.output.format = OutputForm::raw;
    Rig rig(far);
    test::RecordSpec spec;
    spec.payload = "{ \"odd\" :\t[1 , 2] }";
    rig.append(spec);
    REQUIRE(rig.drain());
    REQUIRE(far.raw().size() == 1);
    CHECK(far.raw()[0].value == spec.payload);
}

TEST_CASE("kafka: a stream's records go to the topic of its template", "[sinks][kafka]") {
    MockKafka far;
    far.config.topic = "t.{stream}";
    Rig rig(far);
    test::RecordSpec spec;
    spec.stream = "doors";
    rig.append(spec);
    rig.append(5);
    REQUIRE(rig.drain());
    contract::KafkaReader doors(far.brokers(), "t.doors");
    contract::KafkaReader wearables(far.brokers(), "t.wearables");
    CHECK(doors.read_all().size() == 1);
    CHECK(wearables.read_all().size() == 5);
}

TEST_CASE("kafka: no record is given up however long the brokers are away", "[sinks][kafka][S01]") {
    const auto conf = kafka_settings(contract::kafka_test_config("h:1", "t"), KafkaPace::batches);
    REQUIRE(conf.ok());
    std::array<char, 64> value{};
    for (const auto& [key, wanted] : std::map<std::string, std::string>{
             {"message.timeout.ms", "0"},
             {"acks", "-1"},
             {"enable.idempotence", "true"},
             {"max.in.flight", "5"},
             {"message.send.max.retries", "2147483647"},
         }) {
        std::size_t size = value.size();
        INFO(key);
        const auto known = rd_kafka_conf_get(conf->get(), key.c_str(), value.data(), &size);
        if (known == RD_KAFKA_CONF_OK) CHECK(std::string(value.data()) == wanted);
    }

    MockKafka far;
    Rig rig(far);
    rig.append(20);
    REQUIRE(rig.drain());
    far.set(Fault::unreachable);
    rig.append(1000);
    CHECK_FALSE(rig.run_until([&rig] { return rig.disk.cursor > Lsn{20}; }, 5 * kSecond));
    CHECK(rig.health().state == SinkState::backing_off);
    CHECK_FALSE(rig.health().last_error.empty());
    CHECK(
        rig.metrics.value("penstock_sink_sent_records_total", {{"sink", "under_test"}}) <=
        20 + 200 + 1
    );
    far.set(Fault::none);
    REQUIRE(rig.drain());
    rig.check_all_arrived();
    CHECK(rig.health().state == SinkState::running);
}

TEST_CASE("kafka: a topic that vanishes for a while costs no record", "[sinks][kafka][S02]") {
    MockKafka far;
    Rig rig(far);
    rig.append(50);
    REQUIRE(rig.drain());
    far.answer_produce(std::vector<int>(10, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART));
    rig.append(200);
    REQUIRE(rig.drain());
    rig.check_all_arrived();
    rig.check_order();
}

TEST_CASE(
    "kafka: a fatal error makes a new producer that goes on at the cursor", "[sinks][kafka][S03]"
) {
    MockKafka far;
    Rig rig(far);
    rig.append(50);
    REQUIRE(rig.drain());
    // Out of sequence for no reason of ours: fatal for an idempotent producer.
    far.answer_produce(
        {RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
         RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
         RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH}
    );
    rig.append(300);
    REQUIRE(rig.drain());
    rig.check_all_arrived();
    rig.check_order();
}

TEST_CASE(
    "kafka: duplicates after a lost answer stay within what was in flight", "[sinks][kafka][S03]"
) {
    MockKafka far;
    Rig rig(far);
    rig.append(20);
    REQUIRE(rig.drain());
    far.set(Fault::reset_after_write);
    rig.append(400);
    REQUIRE(rig.drain());
    rig.check_all_arrived();
    CHECK(far.raw().size() <= 420 + far.config.max_in_flight);
}

TEST_CASE(
    "kafka: order survives when one of several batches in flight fails", "[sinks][kafka][S04]"
) {
    const int error = GENERATE(
        int(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS),
        int(RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION),
        int(RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT),
        int(RD_KAFKA_RESP_ERR_UNKNOWN)
    );
    MockKafka far(1);
    far.config.batch_records = 10;
    Rig rig(far);
    rig.append(20);
    REQUIRE(rig.drain());
    far.set_delay(30);
    far.answer_produce({0, 0, error, 0, 0});
    rig.append(300, 3);
    REQUIRE(rig.drain());
    rig.check_all_arrived();
    rig.check_order();
}

TEST_CASE(
    "kafka: a batch that is refused for one record is sent again one by one", "[sinks][kafka][S07]"
) {
    MockKafka far(1);
    Rig rig(far);
    rig.append(20);
    REQUIRE(rig.drain());
    far.answer_produce({RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
    rig.append(60, 1);
    REQUIRE(rig.drain());
    rig.check_all_arrived();
    rig.check_order();
    CHECK(rig.disk.kept.empty());
    rig.append(60, 1);
    REQUIRE(rig.drain());
    rig.check_all_arrived();
}

TEST_CASE("kafka: records put stay within max_in_flight", "[sinks][kafka]") {
    MockKafka far;
    far.config.max_in_flight = 7;
    far.set_delay(60'000);
    const auto sink = far.make_sink({});
    sink->reset(Lsn{0});
    test::FakeLog log;
    log.append(std::vector<test::RecordSpec>(20));
    auto read = log.reader()->read(0, {});
    REQUIRE(read.ok());
    const auto record = RecordView::parse(read->chunk->records());
    std::size_t taken = 0;
    while (taken < 20 && sink->put(Lsn{taken + 1}, *record))
        ++taken;
    CHECK(taken == 7);
}

TEST_CASE("kafka: brokers that hang keep no core busy", "[sinks][kafka]") {
    MockKafka far(1);
    far.config.batch_records = 10;
    const auto sink = far.make_sink({});
    sink->reset(Lsn{0});
    test::FakeLog log;
    log.append(std::vector<test::RecordSpec>(1));
    auto read = log.reader()->read(0, {});
    REQUIRE(read.ok());
    const auto record = RecordView::parse(read->chunk->records());
    std::uint64_t taken = 0;
    const auto go_on = [&](Nanoseconds time) {
        const Nanoseconds end = system_clock().monotonic() + time;
        while (system_clock().monotonic() < end) {
            while (sink->put(Lsn{taken + 1}, *record))
                ++taken;
            static_cast<void>(sink->poll(20 * kMillisecond));
        }
    };
    REQUIRE(sink->put(Lsn{++taken}, *record));
    while (sink->poll(20 * kMillisecond).safe < Lsn{1})
        continue;
    far.set_delay(60'000);
    go_on(500 * kMillisecond);
    REQUIRE(taken > 10);
    const std::clock_t before =
        std::clock();  // of this process alone, so that others cannot matter
    go_on(kSecond);
    CHECK(std::clock() - before < CLOCKS_PER_SEC / 4);
}

TEST_CASE("kafka: probe tells whether the brokers answer", "[sinks][kafka]") {
    MockKafka far;
    const auto sink = far.make_sink({});
    CHECK(sink->probe(5 * kSecond).ok());
    far.set(Fault::unreachable);
    const Nanoseconds before = system_clock().monotonic();
    const Status status = sink->probe(kSecond);
    CHECK_FALSE(status.ok());
    CHECK(system_clock().monotonic() - before < 3 * kSecond);
}

TEST_CASE(
    "kafka: settings that would break its promises are refused with their place",
    "[sinks][kafka][config]"
) {
    config::Problems problems;
    const auto read = config::read<KafkaConfig>(
        "brokers: [\"a:1\"]\n"
        "topic: \"{stream}\"\n"
        "options:\n"
        "  message.timeout.ms: \"300000\"\n"
        "  no.such.option: \"1\"\n"
        "  socket.timeout.ms: \"1000\"\n",
        "p.yaml",
        problems
    );
    CHECK_FALSE(read.has_value());
    const std::string text = problems.text();
    INFO(text);
    CHECK(text.find("p.yaml:2:8") != std::string::npos);
    CHECK(text.find("p.yaml:4:") != std::string::npos);
    CHECK(text.find("p.yaml:5:") != std::string::npos);
    CHECK(text.find("p.yaml:6:") == std::string::npos);
}

TEST_CASE("kafka: the sinks table reads it by type", "[sinks][kafka][config]") {
    struct Holder {};
    config::Problems problems;
    const auto& kinds = sink_kinds();
    CHECK(std::any_of(kinds.begin(), kinds.end(), [](const SinkKind& k) {
        return k.type == "kafka";
    }));
}

}  // namespace
}  // namespace penstock::sinks
