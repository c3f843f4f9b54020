#include "sinks/stream/kafka_far_side.h"

#include "sinks/stream/kafka.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace penstock::sinks::contract {
namespace {

constexpr int kAnswerMs = 2000;
constexpr std::int16_t kProduce = 0;  // Kafka protocol: API key of Produce

rd_kafka_t* make_client(
    rd_kafka_type_t type, const std::vector<std::pair<std::string, std::string>>& settings
) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    std::array<char, 512> why{};
    for (const auto& [key, value] : settings) {
        if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), why.data(), why.size()) !=
            RD_KAFKA_CONF_OK) {
            throw std::runtime_error(why.data());
        }
    }
    rd_kafka_t* made = rd_kafka_new(type, conf, why.data(), why.size());
    if (made == nullptr) throw std::runtime_error(why.data());
    return made;
}

KafkaArrival arrival_of(const rd_kafka_message_t& message) {
    KafkaArrival out;
    out.topic = rd_kafka_topic_name(message.rkt);
    out.partition = message.partition;
    out.offset = message.offset;
    out.timestamp_ms = rd_kafka_message_timestamp(&message, nullptr);
    out.key.assign(static_cast<const char*>(message.key), message.key_len);
    out.value.assign(static_cast<const char*>(message.payload), message.len);
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return out;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; ++i) {
        out.headers[name].assign(static_cast<const char*>(value), size);
    }
    return out;
}

std::optional<std::string> heart_rate_of(const std::string& json) {
    const std::string name = "\"heartRate\":";
    const auto at = json.find(name);
    if (at == std::string::npos) return std::nullopt;
    const auto from = at + name.size();
    return json.substr(from, json.find_first_of(",}", from) - from);
}

}  // namespace

// ---- reading back
// ----------------------------------------------------------------------------------

KafkaReader::KafkaReader(std::string brokers, std::string topic)
    : brokers_(std::move(brokers)), topic_(std::move(topic)) {}

KafkaReader::~KafkaReader() {
    if (handle_ != nullptr) rd_kafka_destroy(handle_);
}

bool KafkaReader::open() {
    if (!next_.empty()) return true;
    if (handle_ == nullptr) {
        handle_ = make_client(
            RD_KAFKA_CONSUMER,
            {{"bootstrap.servers", brokers_},
             {"group.id", "test-reader"},
             {"enable.auto.commit", "false"},
             {"auto.offset.reset", "earliest"},
             {"log_level", "0"},
             {"reconnect.backoff.max.ms", "200"},
             {"fetch.wait.max.ms", "10"}}
        );
    }
    rd_kafka_topic_t* topic = rd_kafka_topic_new(handle_, topic_.c_str(), nullptr);
    const rd_kafka_metadata_t* found = nullptr;
    const auto code = rd_kafka_metadata(handle_, 0, topic, &found, kAnswerMs);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && found->topic_cnt == 1) {
        for (int i = 0; i < found->topics[0].partition_cnt; ++i) {
            next_[found->topics[0].partitions[i].id] = 0;
        }
    }
    if (found != nullptr) rd_kafka_metadata_destroy(found);
    rd_kafka_topic_destroy(topic);
    if (next_.empty()) return false;
    rd_kafka_topic_partition_list_t* all = rd_kafka_topic_partition_list_new(0);
    for (const auto& [partition, offset] : next_) {
        rd_kafka_topic_partition_list_add(all, topic_.c_str(), partition)->offset = 0;
    }
    rd_kafka_assign(handle_, all);
    rd_kafka_topic_partition_list_destroy(all);
    return true;
}

const std::vector<KafkaArrival>& KafkaReader::read_all() {
    if (!open()) return read_;
    std::map<std::int32_t, std::int64_t> ends;
    for (const auto& [partition, offset] : next_) {
        std::int64_t low = 0;
        std::int64_t high = 0;
        const auto code = rd_kafka_query_watermark_offsets(
            handle_, topic_.c_str(), partition, &low, &high, kAnswerMs
        );
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return read_;
        ends[partition] = high;
    }
    const auto behind = [&] {
        for (const auto& [partition, end] : ends) {
            if (next_[partition] < end) return true;
        }
        return false;
    };
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (behind() && std::chrono::steady_clock::now() < until) {
        rd_kafka_message_t* message = rd_kafka_consumer_poll(handle_, 100);
        if (message == nullptr) continue;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            read_.push_back(arrival_of(*message));
            next_[message->partition] = message->offset + 1;
        }
        rd_kafka_message_destroy(message);
    }
    return read_;
}

// ---- far sides
// -------------------------------------------------------------------------------------

KafkaConfig kafka_test_config(const std::string& brokers, const std::string& topic) {
    KafkaConfig config;
    config.brokers = {brokers};
    config.topic = topic;
    config.linger = std::chrono::milliseconds(1);
    config.batch_records = 50;
    config.max_in_flight = 200;
    config.record_max = ByteCount{20'000};
    config.options["reconnect.backoff.max.ms"] = "200";
    config.options["retry.backoff.ms"] = "50";
    if (const char* debug = std::getenv("KAFKA_DEBUG")) config.options["debug"] = debug;
    return config;
}

void KafkaFarSide::use(const std::string& brokers, const std::string& topic) {
    config = kafka_test_config(brokers, topic);
    reader_ = std::make_unique<KafkaReader>(brokers, topic);
}

std::unique_ptr<Sink> KafkaFarSide::make_sink(const JournalId& journal) {
    SinkContext context;
    context.id = "under_test";
    context.journal = journal;
    auto made = make_kafka_sink(config, context);
    if (!made.ok()) throw std::runtime_error(made.error().message);
    return std::move(made).value();
}

std::vector<Arrival> KafkaFarSide::arrived() {
    std::vector<Arrival> out;
    for (const KafkaArrival& a : reader_->read_all()) {
        Arrival arrival{a.key, a.timestamp_ms * kMillisecond, {}, heart_rate_of(a.value)};
        if (const auto lsn = a.headers.find("penstock.lsn"); lsn != a.headers.end()) {
            arrival.lsn = Lsn{std::strtoull(lsn->second.c_str(), nullptr, 10)};
        }
        out.push_back(std::move(arrival));
    }
    return out;
}

MockKafka::MockKafka(int partitions) {
    handle_ = make_client(RD_KAFKA_PRODUCER, {{"log_level", "0"}});
    cluster_ = rd_kafka_mock_cluster_new(handle_, kBrokers);
    if (cluster_ == nullptr) throw std::runtime_error("no mock cluster");
    rd_kafka_mock_topic_create(cluster_, "telemetry", partitions, 1);
    use(rd_kafka_mock_cluster_bootstraps(cluster_), "telemetry");
}

MockKafka::~MockKafka() {
    heal();
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
}

std::string MockKafka::brokers() const {
    return rd_kafka_mock_cluster_bootstraps(cluster_);
}

std::string MockKafka::oversized_payload() {
    return "{\"blob\":\"" + std::string(config.record_max.value + 1000, 'x') + "\"}";
}

void MockKafka::answer_produce(const std::vector<int>& errors) {
    std::vector<rd_kafka_resp_err_t> codes;
    codes.reserve(errors.size());
    for (const int error : errors)
        codes.push_back(static_cast<rd_kafka_resp_err_t>(error));
    rd_kafka_mock_push_request_errors_array(cluster_, kProduce, codes.size(), codes.data());
}

void MockKafka::set_down(bool down) {
    for (int i = 1; i <= kBrokers; ++i) {
        if (down) {
            rd_kafka_mock_broker_set_down(cluster_, i);
        } else {
            rd_kafka_mock_broker_set_up(cluster_, i);
        }
    }
}

void MockKafka::set_delay(int ms) {
    for (int i = 1; i <= kBrokers; ++i)
        rd_kafka_mock_broker_set_rtt(cluster_, i, ms);
}

void MockKafka::heal() {
    if (mischief_.joinable()) mischief_.join();
    rd_kafka_mock_clear_request_errors(cluster_, kProduce);
    rd_kafka_mock_topic_set_error(cluster_, "telemetry", RD_KAFKA_RESP_ERR_NO_ERROR);
    set_delay(0);
    set_down(false);
}

void MockKafka::set(Fault fault) {
    heal();
    switch (fault) {
        case Fault::none:
            return;
        case Fault::unreachable:
            return set_down(true);
        case Fault::throttled:
            return answer_produce(
                std::vector<int>(1000, RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED)
            );
        case Fault::denied:
            rd_kafka_mock_topic_set_error(
                cluster_, "telemetry", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
            );
            return answer_produce(
                std::vector<int>(1000, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
            );
        case Fault::crash:
            set_down(true);
            return set_down(false);
        case Fault::half_accepted:
            return answer_produce({RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR_UNKNOWN});
        case Fault::hang:
            return set_delay(60'000);
        case Fault::reset_after_write:
            // Requests are taken in at once, their answers wait, and go with the connection.
            set_delay(600);
            mischief_ = std::thread([this] {
                std::this_thread::sleep_for(std::chrono::milliseconds(400));
                set_down(true);
                std::this_thread::sleep_for(std::chrono::milliseconds(50));
                set_delay(0);
                set_down(false);
            });
            return;
    }
}

}  // namespace penstock::sinks::contract
