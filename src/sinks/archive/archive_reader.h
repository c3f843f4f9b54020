#pragma once

#include "penstock/clock.h"
#include "penstock/ids.h"
#include "penstock/log_reader.h"
#include "penstock/result.h"
#include "sinks/archive/archive_listing.h"
#include "sinks/archive/manifest.h"
#include "sinks/archive/object_reader.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace penstock::sinks {

/// Which objects of an archive are read back, and which records of them.
struct RestoreScope {
    std::string stream;                                           // empty: all
    Nanoseconds from = std::numeric_limits<Nanoseconds>::min();   // event time
    Nanoseconds until = std::numeric_limits<Nanoseconds>::max();  // not itself
};

/// The objects in scope, by journal id (its text), ascending by first LSN. Those of a replay too:
/// a record that stands twice is read once. Errors: unsupported (a Parquet object is in scope).
[[nodiscard]] Result<std::map<std::string, std::vector<ManifestEntry>>> objects_in_scope(
    const std::vector<FoundManifest>& manifests, const RestoreScope& scope
);

/// Reads archived records as if they stood in their journal still: by ascending LSN, with what lies
/// between them as gaps (Gap::Cause::skipped).
/// Memory: the records of the windows at hand, which is one, or two where windows overlap.
/// Errors of read(): not_found and corrupt (an object is not what its manifest says), those of the
/// store. Threads: its owner.
class ArchiveReader final : public LogReader {
public:
    static constexpr std::size_t kChunkRecords = 1024;

    /// `objects`: ascending by first LSN, not empty.
    ArchiveReader(
        std::unique_ptr<ObjectReader> store,
        std::vector<ManifestEntry> objects,
        const RestoreScope& scope
    );

    void seek(Lsn lsn) override;
    [[nodiscard]] Lsn position() const override { return position_; }
    [[nodiscard]] Result<ReadResult> read(Nanoseconds wait, const std::stop_token& stop) override;
    [[nodiscard]] Lsn durable() const override { return last_; }

private:
    [[nodiscard]] Status open(const ManifestEntry& object);
    [[nodiscard]] ChunkPtr take_chunk();

    std::unique_ptr<ObjectReader> store_;
    const std::vector<ManifestEntry> objects_;
    const RestoreScope scope_;
    Lsn last_;
    Lsn position_;
    std::size_t next_ = 0;  // the object to open next
    std::map<Lsn, std::vector<std::byte>> ready_;
};

}  // namespace penstock::sinks
