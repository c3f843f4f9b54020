#pragma once

#include "penstock/clock.h"
#include "penstock/disk.h"
#include "penstock/ids.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace penstock::journal {

/// What the rest of the journal knows of one segment file.
/// Threads: immutable.
struct SegmentInfo {
    std::uint64_t number = 0;
    std::uint64_t nonce = 0;
    Lsn first;  // of its first frame
    Lsn last;   // sealed segments only: first - 1 when empty. Open: the durable LSN limits it
    std::uint64_t bytes = 0;  // on disk
    std::uint64_t records = 0;
    bool sealed = false;
    Nanoseconds created = 0;
    Nanoseconds sealed_at = 0;
    std::filesystem::path path;
};

/// The segments of the journal, oldest first; LSNs are contiguous from one to the next, and the
/// last one is open.
/// Threads: any thread.
class SegmentList {
public:
    [[nodiscard]] std::vector<SegmentInfo> all() const;
    /// The segment whose range holds `lsn` (the open one for everything from its first on).
    [[nodiscard]] std::optional<SegmentInfo> find(Lsn lsn) const;
    /// The oldest LSN that is kept; nothing before the first segment exists.
    [[nodiscard]] std::optional<Lsn> oldest() const;
    /// Bytes of all segment files.
    [[nodiscard]] std::uint64_t bytes() const;
    [[nodiscard]] std::size_t size() const;

    /// The journal's own: adds in LSN order, replaces the entry of that number, drops it.
    void add(SegmentInfo segment);
    void update(const SegmentInfo& segment);
    void drop(std::uint64_t number);

private:
    mutable std::mutex mutex_;
    std::vector<SegmentInfo> segments_;
};

}  // namespace penstock::journal
