#pragma once

#include "penstock/clock.h"
#include "sinks/stream/kafka_producer.h"

#include <memory>
#include <optional>

namespace penstock::sinks {

/// Asks the cluster, in the background, why nothing gets confirmed.
/// Bound: one question at a time, kPatience long.
/// Threads: owner; each question has a thread of its own, which keeps the producer until it is
/// answered.
class KafkaInquiry {
public:
    static constexpr Nanoseconds kPatience = 2 * kSecond;

    /// Does nothing while a question is open.
    void ask(const std::shared_ptr<KafkaProducer>& producer);
    /// The answer (KafkaProducer::ask), once; nothing while there is none.
    [[nodiscard]] std::optional<int> answer();
    /// An answer that is still to come concerns nobody any more.
    void forget() { open_.reset(); }

private:
    struct Question;
    std::shared_ptr<Question> open_;
};

}  // namespace penstock::sinks
