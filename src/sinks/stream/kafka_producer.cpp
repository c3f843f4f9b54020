#include "sinks/stream/kafka_producer.h"

#include "penstock/sink.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace penstock::sinks {
namespace {

constexpr int kEvents = RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG;

int milliseconds(Nanoseconds wait) {
    return static_cast<int>(std::clamp<Nanoseconds>(wait / kMillisecond, 0, 60'000));
}

// The library takes pointers to non-const for what it only reads or copies.
void* untyped(std::string_view text) {
    return const_cast<char*>(text.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

rd_kafka_vu_t memory(rd_kafka_vtype_t type, std::string_view bytes) {
    rd_kafka_vu_t vu{};
    vu.vtype = type;
    vu.u.mem.ptr = untyped(bytes);
    vu.u.mem.size = bytes.size();
    return vu;
}

rd_kafka_vu_t header(const char* name, std::string_view value) {
    rd_kafka_vu_t vu{};
    vu.vtype = RD_KAFKA_VTYPE_HEADER;
    vu.u.header.name = name;
    vu.u.header.val = value.data();
    vu.u.header.size = static_cast<ssize_t>(value.size());
    return vu;
}

}  // namespace

Result<std::shared_ptr<KafkaProducer>> KafkaProducer::make(
    const KafkaConfig& config, KafkaPace pace
) {
    PS_TRY(KafkaConf conf, kafka_settings(config, pace));
    rd_kafka_conf_set_events(conf.get(), kEvents);
    std::array<char, 512> text{};
    std::shared_ptr<KafkaProducer> made(new KafkaProducer());
    made->handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), text.data(), text.size());
    if (made->handle_ == nullptr) return Error{Errc::invalid_argument, text.data()};
    // NOLINTNEXTLINE(bugprone-unused-return-value): the producer's now.
    static_cast<void>(conf.release());
    made->queue_ = rd_kafka_queue_get_main(made->handle_);
    rd_kafka_set_log_queue(made->handle_, nullptr);
    return made;
}

KafkaProducer::~KafkaProducer() {
    if (handle_ == nullptr) return;
    for (const auto& [name, topic] : topics_)
        rd_kafka_topic_destroy(topic);
    rd_kafka_queue_destroy(queue_);
    rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

rd_kafka_topic_s* KafkaProducer::topic(std::string_view name) {
    const auto found = topics_.find(name);
    if (found != topics_.end()) return found->second;
    if (topics_.size() >= kTopicsMax) return nullptr;
    std::string key(name);
    rd_kafka_topic_t* made = rd_kafka_topic_new(handle_, key.c_str(), nullptr);
    if (made != nullptr) topics_.emplace(std::move(key), made);
    return made;
}

int KafkaProducer::produce(const KafkaMessage& m) {
    rd_kafka_topic_t* to = topic(m.topic);
    if (to == nullptr) return RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    std::array<rd_kafka_vu_t, 9> parts{};
    parts[0].vtype = RD_KAFKA_VTYPE_RKT;
    parts[0].u.rkt = to;
    parts[1] = memory(RD_KAFKA_VTYPE_VALUE, m.value);
    parts[2] = memory(RD_KAFKA_VTYPE_KEY, m.key);
    parts[3].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    parts[3].u.i64 = m.timestamp_ms;
    parts[4].vtype = RD_KAFKA_VTYPE_OPAQUE;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the library hands it back as it is.
    parts[4].u.ptr = reinterpret_cast<void*>(static_cast<std::uintptr_t>(m.ticket));
    parts[5] = header("penstock.journal", m.journal);
    parts[6] = header("penstock.lsn", m.lsn);
    parts[7] = header("penstock.stream", m.stream);
    parts[8] = header("penstock.status", m.status);
    rd_kafka_error_t* error = rd_kafka_produceva(handle_, parts.data(), parts.size());
    if (error == nullptr) return 0;
    const int code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return code;
}

rd_kafka_op_s* KafkaProducer::next_event(Nanoseconds wait) {
    return rd_kafka_queue_poll(queue_, milliseconds(wait));
}

int KafkaProducer::ask(Nanoseconds bound) const {
    const rd_kafka_metadata_t* found = nullptr;
    int code = rd_kafka_metadata(handle_, 0, nullptr, &found, std::max(1, milliseconds(bound)));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
    for (int i = 0; i < found->topic_cnt && code == 0; ++i)
        code = found->topics[i].err;
    rd_kafka_metadata_destroy(found);
    return code;
}

void KafkaProducer::abandon() noexcept {
    const int what =
        RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING;
    static_cast<void>(rd_kafka_purge(handle_, what));
}

// ---- closing
// ---------------------------------------------------------------------------------------

struct KafkaCloser::State {
    std::mutex mutex;  // guards open
    std::condition_variable fewer;
    std::size_t open = 0;
};

KafkaCloser::KafkaCloser() : state_(std::make_shared<State>()) {}

KafkaCloser::~KafkaCloser() {
    std::unique_lock lock(state_->mutex);
    state_->fewer.wait_for(lock, std::chrono::nanoseconds(kSinkStopBound / 2), [this] {
        return state_->open == 0;
    });
}

bool KafkaCloser::full() const {
    const std::lock_guard lock(state_->mutex);
    return state_->open >= kOpenMax;
}

void KafkaCloser::close(std::shared_ptr<KafkaProducer> producer) {
    if (!producer) return;
    producer->abandon();
    {
        const std::lock_guard lock(state_->mutex);
        ++state_->open;
    }
    std::thread([state = state_, old = std::move(producer)]() mutable {
        old.reset();
        const std::lock_guard lock(state->mutex);
        --state->open;
        state->fewer.notify_all();
    }).detach();
}

void KafkaEventDelete::operator()(rd_kafka_op_s* event) const noexcept {
    rd_kafka_event_destroy(event);
}

}  // namespace penstock::sinks
