#pragma once

#include "penstock/clock.h"
#include "penstock/ids.h"
#include "penstock/result.h"
#include "sinks/stream/kafka_settings.h"
#include "sinks/stream/value_arena.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

struct rd_kafka_s;
struct rd_kafka_queue_s;
struct rd_kafka_topic_s;
struct rd_kafka_op_s;

namespace penstock::sinks {

/// What the broker shall store.
struct KafkaMessage {
    std::string_view topic;
    std::string_view key;
    std::string_view value;  // stays where it is until its delivery report
    std::string_view journal;
    std::string_view lsn;
    std::string_view stream;
    std::string_view status;
    std::int64_t timestamp_ms = 0;
    InFlight::Ticket ticket = 0;
};

/// One producer of the library, with the bytes that it sends from.
/// Threads: owner. Closing it may wait for the network: leave that to KafkaCloser.
class KafkaProducer {
public:
    /// Topics of one sink: one, or one per stream.
    static constexpr std::size_t kTopicsMax = 1024;

    /// Connects in the background. Errors: invalid_argument (settings, unreadable certificate
    /// files).
    [[nodiscard]] static Result<std::shared_ptr<KafkaProducer>> make(
        const KafkaConfig& config, KafkaPace pace
    );
    ~KafkaProducer();
    KafkaProducer(const KafkaProducer&) = delete;
    KafkaProducer& operator=(const KafkaProducer&) = delete;

    /// Hands a record to the library. Returns its error code, 0 when it took it.
    [[nodiscard]] int produce(const KafkaMessage& message);
    /// The next event (delivery reports, errors, logs), or null after `wait`. Free with KafkaEvent.
    [[nodiscard]] rd_kafka_op_s* next_event(Nanoseconds wait);
    /// What the cluster says about our topics, 0 when all is well: the library keeps records for a
    /// topic that it may not see without a word. Waits at most `bound`. Any thread.
    [[nodiscard]] int ask(Nanoseconds bound) const;
    /// Drops everything that is queued or on its way. No report is wanted any more.
    void abandon() noexcept;

    [[nodiscard]] rd_kafka_s* handle() const noexcept { return handle_; }
    [[nodiscard]] ValueArena& arena() noexcept { return arena_; }

private:
    KafkaProducer() = default;
    [[nodiscard]] rd_kafka_topic_s* topic(std::string_view name);

    ValueArena arena_;  // outlives handle_, which the destructor ends
    rd_kafka_s* handle_ = nullptr;
    rd_kafka_queue_s* queue_ = nullptr;
    std::map<std::string, rd_kafka_topic_s*, std::less<>> topics_;
};

/// Ends producers without waiting for them: the library may take long when a broker or a name
/// server hangs.
///
/// Bound: kOpenMax on their way out at once.
///
/// Threads: owner; the work is done on
/// threads of its own, which outlive it when they must.
class KafkaCloser {
public:
    static constexpr std::size_t kOpenMax = 4;

    KafkaCloser();
    /// Waits for at most kSinkStopBound / 2.
    ~KafkaCloser();
    KafkaCloser(const KafkaCloser&) = delete;
    KafkaCloser& operator=(const KafkaCloser&) = delete;

    void close(std::shared_ptr<KafkaProducer> producer);
    /// True while no further producer should be made.
    [[nodiscard]] bool full() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

struct KafkaEventDelete {
    void operator()(rd_kafka_op_s* event) const noexcept;
};
using KafkaEvent = std::unique_ptr<rd_kafka_op_s, KafkaEventDelete>;

}  // namespace penstock::sinks
