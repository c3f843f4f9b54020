#pragma once

#include "journal/device_index.h"
#include "journal/index_keeper.h"
#include "penstock/history.h"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace penstock::journal {

/// The newest record of a device, as far as it was looked up.
/// Threads: immutable.
struct LatestKnown {
    std::uint64_t through = 0;  // number of the newest segment it covers
    Posting newest;
};

/// Which record of a device is the newest in the sealed segments, for the devices that were asked
/// for lately. Bound: kDevicesMax, least recently used leaves. Threads: any thread.
class LatestCache {
public:
    static constexpr std::size_t kDevicesMax = 65'536;

    [[nodiscard]] std::optional<LatestKnown> find(std::string_view device);
    void put(std::string_view device, const LatestKnown& known);
    [[nodiscard]] std::size_t size() const;

private:
    struct Entry {
        std::string device;
        LatestKnown known;
    };
    mutable std::mutex mutex_;  // guards everything below
    std::list<Entry> entries_;  // most recently used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_device_;
};

/// Answers from the journal's segments and their indexes by device.
/// A record shows up once it is durable and indexed: a call waits for the newest durable record to
/// be indexed, at most kFreshWait, and answers with what there is then. Records whose bytes are
/// damaged are left out of pages; latest() says corrupt. Segments that retention takes away while a
/// call runs count as gone. Bounds: a page holds at most kPageBytes of records (and one record at
/// least); a call holds one frame and the list of one device in one segment besides. Threads: any
/// thread.
class JournalHistory final : public History {
public:
    static constexpr Nanoseconds kFreshWait = 2 * kSecond;
    static constexpr std::uint32_t kLimitMax = 10'000;
    static constexpr std::size_t kPageBytes = 16 * 1024 * 1024;

    /// The keeper and what `log` refers to outlive the history.
    JournalHistory(const LogParts& log, IndexKeeper& keeper);

    [[nodiscard]] Result<StoredRecord> latest(std::string_view device) override;
    [[nodiscard]] Result<HistoryPage> query(const HistoryQuery& query) override;
    [[nodiscard]] Result<DevicePage> devices(std::string_view after, std::uint32_t limit) override;
    [[nodiscard]] std::unique_ptr<LogReader> tail() override;

private:
    /// Newest first.
    [[nodiscard]] std::vector<SegmentInfo> segments() const;
    [[nodiscard]] Result<std::optional<Posting>> newest_of(std::string_view device);
    void wait_until_fresh() const;

    const LogParts log_;
    IndexKeeper& keeper_;
    LatestCache latest_;
};

}  // namespace penstock::journal
