#pragma once

#include "penstock/log_reader.h"
#include "penstock/record.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::test {

/// One test record, with an index over a flat JSON object
/// `{"deviceId":..,"heartRate":..,"steps":..}` as inspection would have made it. Event times are
/// kEpoch + `at` milliseconds: unique as long as `at` is.
struct RecordSpec {
    static constexpr Nanoseconds kEpoch = 1'767'225'600 * kSecond;  // 2026-01-01T00:00:00Z

    std::string device = "d1";
    std::int64_t at = 0;
    std::string stream = "wearables";
    std::string status = "NORMAL";
    std::int64_t heart_rate = 80;
    std::string
        payload;  // empty: made from the members above; else carried as it is, with no index
    std::uint8_t flags = 0;
    std::string reason;
};

/// The encoded record.
[[nodiscard]] std::vector<std::byte> encode_record(const RecordSpec& spec);

/// A journal in memory: append makes a durable chunk at once.
/// Threads: any; readers may wait on another thread than the one that appends.
class FakeLog {
public:
    FakeLog();
    ~FakeLog();

    /// Each call makes one chunk. Returns the first LSN.
    Lsn append(const std::vector<RecordSpec>& records);
    /// LSNs that will never come.
    void gap(std::uint64_t count, Gap::Cause cause);
    /// Everything up to `lsn` is gone (as retention does); readers below it get a gap.
    void expire(Lsn lsn);
    /// The next read at `lsn` gives this error, until healed.
    void fail_at(Lsn lsn, Error error);
    void heal();

    [[nodiscard]] Lsn durable() const;
    [[nodiscard]] std::unique_ptr<LogReader> reader();

    struct State;

private:
    std::shared_ptr<State> state_;
};

}  // namespace penstock::test
