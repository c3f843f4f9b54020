#pragma once

#include "sinks/contract/contract.h"
#include "sinks/stream/kafka_config.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

struct rd_kafka_s;
struct rd_kafka_mock_cluster_s;

namespace penstock::sinks::contract {

/// One message as a consumer sees it.
struct KafkaArrival {
    std::string topic;
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    std::int64_t timestamp_ms = 0;
    std::string key;
    std::string value;
    std::map<std::string, std::string> headers;
};

/// Reads a topic from its beginning; each call goes on where the last one ended.
/// Threads: owner.
class KafkaReader {
public:
    KafkaReader(std::string brokers, std::string topic);
    ~KafkaReader();
    KafkaReader(const KafkaReader&) = delete;
    KafkaReader& operator=(const KafkaReader&) = delete;

    /// All there is up to now. When the brokers do not answer: what was read before.
    const std::vector<KafkaArrival>& read_all();

private:
    bool open();

    std::string brokers_;
    std::string topic_;
    rd_kafka_s* handle_ = nullptr;
    std::map<std::int32_t, std::int64_t> next_;
    std::vector<KafkaArrival> read_;
};

/// Makes a topic, and gives a user everything on it. Throw when the broker refuses.
void kafka_create_topic(
    const std::string& brokers,
    const std::string& topic,
    int partitions,
    const std::map<std::string, std::string>& settings
);
void kafka_allow(
    const std::string& brokers, const std::string& principal, const std::string& topic
);

/// Settings that suit a test.
[[nodiscard]] KafkaConfig kafka_test_config(const std::string& brokers, const std::string& topic);

/// Sink and arrivals of one topic.
class KafkaFarSide : public FarSide {
public:
    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override;
    [[nodiscard]] std::vector<Arrival> arrived() override;
    [[nodiscard]] const std::vector<KafkaArrival>& raw() { return reader_->read_all(); }

    KafkaConfig config;

protected:
    void use(const std::string& brokers, const std::string& topic);

private:
    std::unique_ptr<KafkaReader> reader_;
};

/// librdkafka's own broker stand-in: three brokers in this process, with faults on demand.
class MockKafka final : public KafkaFarSide {
public:
    explicit MockKafka(int partitions = 3);
    ~MockKafka() override;

    [[nodiscard]] std::string lacks(Fault) const override { return {}; }
    void set(Fault fault) override;
    [[nodiscard]] std::string lacks_refusal() const override {
        return "a broker refuses nothing of a record but its size";
    }
    [[nodiscard]] std::string oversized_payload() override;

    /// The next produce requests are answered so (librdkafka's error codes).
    void answer_produce(const std::vector<int>& errors);
    void set_down(bool down);
    void set_delay(int ms);
    [[nodiscard]] std::string brokers() const;

    static constexpr int kBrokers = 3;

private:
    void heal();

    rd_kafka_s* handle_ = nullptr;
    rd_kafka_mock_cluster_s* cluster_ = nullptr;
    std::thread mischief_;
};

}  // namespace penstock::sinks::contract
