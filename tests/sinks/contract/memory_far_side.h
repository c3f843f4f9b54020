#pragma once

#include "sinks/contract/contract.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks::contract {

/// A far side without a network, and the plainest sink that keeps the contract: batches of 50, one
/// in flight. The suite is tried out on it, and runner tests use it.
///
/// Threads: one.
class MemoryFarSide final : public FarSide {
public:
    static constexpr std::size_t kBatch = 50;
    static constexpr std::size_t kWindow = 100;
    static constexpr std::size_t kPayloadMax = 1000;

    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override;
    [[nodiscard]] std::vector<Arrival> arrived() override { return arrived_; }
    [[nodiscard]] std::string lacks(Fault) const override { return {}; }
    void set(Fault fault) override { fault_ = fault; }
    [[nodiscard]] std::string refused_payload() override { return "{\"poison\":true}"; }
    [[nodiscard]] std::string oversized_payload() override {
        return "{\"blob\":\"" + std::string(kPayloadMax, 'x') + "\"}";
    }

    Nanoseconds settle = 0;
    std::size_t batches = 0;

private:
    class MemorySink;

    std::vector<Arrival> arrived_;
    Fault fault_ = Fault::none;
};

class MemoryFarSide::MemorySink final : public Sink {
public:
    explicit MemorySink(MemoryFarSide& far) : far_(far) {}

    [[nodiscard]] bool put(Lsn lsn, const RecordView& record) override {
        if (window_.size() >= kWindow) return false;
        Item item{lsn, {std::string(record.device()), record.event_time(), lsn, {}}, false};
        if (const auto rate = record.find("heartRate"))
            item.arrival.value = std::string(rate->text);
        item.poison = record.payload().find("poison") != std::string_view::npos ||
                      record.payload().size() > kPayloadMax;
        window_.push_back(std::move(item));
        return true;
    }
    void skip(Lsn lsn) override { skipped_ = lsn; }
    void flush() override {}
    void reset(Lsn safe) override {
        window_.clear();
        safe_ = safe;
        skipped_ = safe;
    }
    [[nodiscard]] Nanoseconds settle() const noexcept override { return far_.settle; }
    [[nodiscard]] Status probe(Nanoseconds) override { return {}; }

    [[nodiscard]] SinkProgress poll(Nanoseconds) override {
        SinkProgress progress;
        const std::size_t n = std::min(window_.size(), kBatch);
        if (n != 0) send(n, progress);
        if (window_.empty()) safe_ = std::max(safe_, skipped_);
        progress.safe = safe_;
        progress.quiet_for = window_.empty() ? kSecond : 0;
        return progress;
    }

private:
    struct Item {
        Lsn lsn;
        Arrival arrival;
        bool poison;
    };

    void send(std::size_t n, SinkProgress& progress) {
        progress.sent_records = n;
        ++far_.batches;
        const Fault fault = far_.fault_;
        if (fault == Fault::hang) return;
        if (fault == Fault::crash) far_.fault_ = Fault::none;
        if (fault == Fault::unreachable || fault == Fault::crash)
            return fail(progress, FailureClass::transient, true);
        if (fault == Fault::throttled) return fail(progress, FailureClass::throttled, false);
        if (fault == Fault::denied) return fail(progress, FailureClass::credentials, false);
        const bool half = fault == Fault::half_accepted;
        const std::size_t taken = half ? n / 2 : n;
        for (std::size_t i = 0; i < taken; ++i) {
            if (window_[i].poison) {
                progress.refused.push_back({window_[i].lsn, "poison"});
            } else {
                far_.arrived_.push_back(window_[i].arrival);
            }
        }
        if (fault == Fault::reset_after_write) {
            far_.fault_ = Fault::none;
            return fail(progress, FailureClass::transient, true);
        }
        if (taken > 0) safe_ = window_[taken - 1].lsn;
        window_.erase(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(taken));
        if (!half) return;
        far_.fault_ = Fault::none;
        fail(progress, FailureClass::transient, false);
    }

    void fail(SinkProgress& progress, FailureClass kind, bool lost) {
        progress.failure = SinkFailure{kind, std::string(name(kind)), {}, lost};
    }

    MemoryFarSide& far_;
    std::deque<Item> window_;
    Lsn safe_;
    Lsn skipped_;
};

inline std::unique_ptr<Sink> MemoryFarSide::make_sink(const JournalId&) {
    return std::make_unique<MemorySink>(*this);
}

}  // namespace penstock::sinks::contract
