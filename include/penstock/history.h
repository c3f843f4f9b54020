#pragma once

#include "penstock/ids.h"
#include "penstock/log_reader.h"
#include "penstock/record.h"
#include "penstock/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

/// A record that owns its bytes.
/// Threads: immutable.
struct StoredRecord {
    Lsn lsn;
    std::shared_ptr<const std::byte[]> bytes;
    RecordView record;  // into bytes
};

/// One page of a device's records, by event time, newest first, then LSN.
struct HistoryPage {
    std::vector<StoredRecord> records;
    std::string next;  // opaque cursor for the following page; empty: no more
};

struct HistoryQuery {
    std::string_view device;
    std::string_view stream;       // empty: every stream
    Nanoseconds from = INT64_MIN;  // event time, inclusive
    Nanoseconds to = INT64_MAX;    // event time, exclusive
    std::uint32_t limit = 100;     // 1 .. 10,000
    std::string_view after;        // HistoryPage::next of the page before
};

struct DeviceSummary {
    std::string device;
    std::string stream;
    Nanoseconds last_event_time = 0;
    Lsn last_lsn;
    std::uint64_t records = 0;  // within what the journal retains
};

struct DevicePage {
    std::vector<DeviceSummary> devices;  // by device id
    std::string next;                    // pass as `after`; empty: no more
};

/// Recent records and latest state by device, answered from the journal.
/// Quarantined records are left out unless the stream `_quarantine` is asked for.
/// Threads: any thread; calls read the disk and may take long: never from a shard.
class History {
public:
    virtual ~History() = default;
    /// Errors: not_found (device unknown within what is retained), io, corrupt.
    [[nodiscard]] virtual Result<StoredRecord> latest(std::string_view device) = 0;
    [[nodiscard]] virtual Result<HistoryPage> query(const HistoryQuery& query) = 0;
    [[nodiscard]] virtual Result<DevicePage> devices(
        std::string_view after, std::uint32_t limit
    ) = 0;
    /// A reader that starts behind the newest durable record, for the live tail.
    [[nodiscard]] virtual std::unique_ptr<LogReader> tail() = 0;
};

}  // namespace penstock
