#include "sinks/stream/kafka_inquiry.h"

#include <atomic>
#include <thread>

namespace penstock::sinks {

struct KafkaInquiry::Question {
    std::atomic<bool> answered{false
    };  // released by the asking thread after code, acquired by answer()
    int code = 0;
};

void KafkaInquiry::ask(const std::shared_ptr<KafkaProducer>& producer) {
    if (open_) return;
    open_ = std::make_shared<Question>();
    std::thread([question = open_, producer] {
        question->code = producer->ask(kPatience);
        question->answered.store(true, std::memory_order_release);
    }).detach();
}

std::optional<int> KafkaInquiry::answer() {
    if (!open_ || !open_->answered.load(std::memory_order_acquire)) return std::nullopt;
    const int code = open_->code;
    open_.reset();
    return code;
}

}  // namespace penstock::sinks
