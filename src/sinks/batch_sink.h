#pragma once

#include "penstock/sink.h"
#include "sinks/config.h"
#include "sinks/registry.h"
#include "sinks/retry.h"
#include "sinks/series/sift.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks {

/// A sink of requests that hold many records and go out one at a time, in the order of the LSNs. A
/// request that the far side blames on its records, or finds too long, is sent again in parts
/// (sift.h); records that it left out of one are sent again alone, after a pause that grows, before
/// anything newer. What a request looks like and what an answer means is the type's own.
/// Bounds: one batch in the making and one under way.
/// Threads: the runner's.
class BatchSink : public Sink {
public:
    [[nodiscard]] bool put(Lsn lsn, const RecordView& record) final;
    void skip(Lsn lsn) final;
    void flush() final { flushing_ = !filling_.lines.empty(); }
    [[nodiscard]] SinkProgress poll(Nanoseconds wait) final;
    void reset(Lsn safe) final;

protected:
    /// When a batch is sent: at whichever comes first.
    struct Limits {
        std::size_t records = 0;
        std::size_t bytes = 0;  // of entries; the last one may pass it
        Nanoseconds age = 0;
    };
    /// What became of a request.
    struct Outcome {
        WriteAnswer answer;
        // Of single records of a request that is confirmed, by their place in it:
        std::vector<std::size_t> again;  // left out for a passing reason; in order
        std::vector<std::pair<std::size_t, std::string>> refused;  // for good, with the reason
        std::optional<SinkFailure> trouble;                        // why they were left out
    };

    BatchSink(const Limits& limits, const RetryConfig& retry, const SinkContext& context);

    [[nodiscard]] const Clock& clock() const noexcept { return clock_; }

    /// Appends a record as it stands in a request: an entry. A reason: it is refused, and what was
    /// appended does not count.
    [[nodiscard]] virtual std::optional<std::string> encode(
        Lsn lsn, const RecordView& record, std::string& entry
    ) = 0;
    /// Whether a record may stand in one request with those in the making; they go out first where
    /// it may not.
    [[nodiscard]] virtual bool joins(const RecordView&) { return true; }
    /// A new batch is begun.
    virtual void begin_batch() {}
    /// Begins a request of the entries that part.body() has back to back (they live until it has
    /// ended). Returns its bytes.
    [[nodiscard]] virtual Result<std::size_t> send(Sift& part) = 0;
    /// Moves the request along for at most `wait`. Nothing: it is still under way.
    [[nodiscard]] virtual std::optional<Outcome> receive(Nanoseconds wait) = 0;
    /// Drops the request, if there is one.
    virtual void cancel() = 0;

private:
    [[nodiscard]] bool full() const noexcept {
        return filling_.lines.size() >= limits_.records || filling_.body.size() >= limits_.bytes;
    }
    [[nodiscard]] bool due() const noexcept;
    void advance();
    void send_part();
    void received(Outcome outcome);
    void left_out(Outcome outcome);
    void fail(SinkFailure failure);
    [[nodiscard]] Nanoseconds quiet_for() const noexcept;

    const Limits limits_;
    const Clock& clock_;
    LineBatch filling_;
    bool flushing_ = false;
    std::optional<Sift> sending_;
    bool waiting_ = false;  // for an answer
    Retry pause_;
    Nanoseconds paused_until_ = 0;
    Lsn safe_;
    bool failed_ = false;
    std::optional<SinkFailure> failure_;
    std::optional<SinkFailure> trouble_;
    Nanoseconds told_at_ = 0;
    std::vector<RefusedRecord> refused_;
    std::uint64_t sent_records_ = 0;
    std::uint64_t sent_bytes_ = 0;
};

}  // namespace penstock::sinks
