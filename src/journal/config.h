#pragma once

#include "config/table.h"
#include "config/units.h"

#include <cstdint>

namespace penstock::journal {

/// How the journal writes. Chosen once, at start.
enum class IoMode : std::uint8_t {
    automatic,  // uring where a trial write in the data directory succeeds, else sync
    uring,      // O_DIRECT | O_DSYNC through io_uring; refuse to start where that fails
    sync,       // write + fdatasync
};

/// What to do at a start when acknowledged records are damaged.
enum class OnCorruption : std::uint8_t {
    refuse,       // keep a copy of the damaged bytes, name them, and do not start
    accept_loss,  // keep the copy, count the gap, start with the rest
};

/// The table `journal:`.
struct Config {
    /// Larger segments are fewer files and coarser retention; one more is always kept prepared.
    ByteCount segment_size = 64_MiB;
    IoMode io = IoMode::automatic;
    /// How long a busy commit may wait so that wake-ups and acknowledgements coalesce. An idle
    /// system commits at once.
    Duration commit_window = std::chrono::milliseconds(1);
    std::uint32_t commits_in_flight = 4;
    /// Newest records kept in memory for readers that keep up.
    ByteCount memory_tail = 64_MiB;
    /// The buffer a shard fills before it hands it over; a larger record gets one of its own.
    ByteCount batch_size = 256_KiB;
    /// The largest record. Must fit a segment.
    ByteCount record_max = 16_MiB;
    /// Batches on their way between one shard and the commit thread.
    std::uint32_t ring = 64;
    /// All segments together; at 90 % of it nothing new is taken. 0: as much as the file system
    /// gives.
    ByteCount max_size{0};
    /// The file system counts as nearly full above `disk_soft` and as full above `disk_hard`
    /// (percent used), unless `disk_enough` is still free (0: the percentages alone decide).
    std::uint32_t disk_soft = 80;
    std::uint32_t disk_hard = 90;
    ByteCount disk_enough = 4_GiB;
    OnCorruption on_corruption = OnCorruption::refuse;
};

}  // namespace penstock::journal

template <>
struct penstock::config::Fields<penstock::journal::Config> {
    static Table<journal::Config> table();
    static void check(const journal::Config& config, const Origin& origin, Problems& problems);
};
