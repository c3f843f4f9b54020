#include "sinks/stream/kafka_far_side.h"

#include <librdkafka/rdkafka.h>

#include <array>
#include <functional>
#include <memory>
#include <stdexcept>

namespace penstock::sinks::contract {
namespace {

constexpr int kAnswerMs = 20'000;

void require(rd_kafka_resp_err_t code, const char* text) {
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    throw std::runtime_error(text != nullptr ? text : rd_kafka_err2str(code));
}

/// One admin operation on a client of its own.
class Admin {
public:
    explicit Admin(const std::string& brokers) {
        rd_kafka_conf_t* conf = rd_kafka_conf_new();
        rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), nullptr, 0);
        rd_kafka_conf_set(conf, "log_level", "0", nullptr, 0);
        std::array<char, 256> why{};
        client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why.data(), why.size());
        if (client_ == nullptr) throw std::runtime_error(why.data());
        queue_ = rd_kafka_queue_new(client_);
    }
    ~Admin() {
        if (event_ != nullptr) rd_kafka_event_destroy(event_);
        rd_kafka_queue_destroy(queue_);
        rd_kafka_destroy(client_);
    }
    Admin(const Admin&) = delete;
    Admin& operator=(const Admin&) = delete;

    [[nodiscard]] rd_kafka_t* client() const { return client_; }
    [[nodiscard]] rd_kafka_queue_t* queue() const { return queue_; }
    rd_kafka_event_t* answer() {
        event_ = rd_kafka_queue_poll(queue_, kAnswerMs);
        if (event_ == nullptr) throw std::runtime_error("no answer from the broker");
        require(rd_kafka_event_error(event_), rd_kafka_event_error_string(event_));
        return event_;
    }

private:
    rd_kafka_t* client_ = nullptr;
    rd_kafka_queue_t* queue_ = nullptr;
    rd_kafka_event_t* event_ = nullptr;
};

}  // namespace

void kafka_create_topic(
    const std::string& brokers,
    const std::string& topic,
    int partitions,
    const std::map<std::string, std::string>& settings
) {
    Admin admin(brokers);
    rd_kafka_NewTopic_t* wanted = rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, nullptr, 0);
    for (const auto& [key, value] : settings) {
        require(rd_kafka_NewTopic_set_config(wanted, key.c_str(), value.c_str()), nullptr);
    }
    rd_kafka_CreateTopics(admin.client(), &wanted, 1, nullptr, admin.queue());
    std::size_t count = 0;
    const auto* result = rd_kafka_event_CreateTopics_result(admin.answer());
    const auto* topics = rd_kafka_CreateTopics_result_topics(result, &count);
    for (std::size_t i = 0; i < count; ++i) {
        require(
            rd_kafka_topic_result_error(topics[i]), rd_kafka_topic_result_error_string(topics[i])
        );
    }
    rd_kafka_NewTopic_destroy(wanted);
}

void kafka_allow(
    const std::string& brokers, const std::string& principal, const std::string& topic
) {
    Admin admin(brokers);
    rd_kafka_AclBinding_t* acl = rd_kafka_AclBinding_new(
        RD_KAFKA_RESOURCE_TOPIC,
        topic.c_str(),
        RD_KAFKA_RESOURCE_PATTERN_LITERAL,
        principal.c_str(),
        "*",
        RD_KAFKA_ACL_OPERATION_ALL,
        RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW,
        nullptr,
        0
    );
    rd_kafka_CreateAcls(admin.client(), &acl, 1, nullptr, admin.queue());
    std::size_t count = 0;
    const auto* result = rd_kafka_event_CreateAcls_result(admin.answer());
    const auto* acls = rd_kafka_CreateAcls_result_acls(result, &count);
    for (std::size_t i = 0; i < count; ++i) {
        const rd_kafka_error_t* error = rd_kafka_acl_result_error(acls[i]);
        if (error != nullptr) throw std::runtime_error(rd_kafka_error_string(error));
    }
    rd_kafka_AclBinding_destroy(acl);
}

}  // namespace penstock::sinks::contract
