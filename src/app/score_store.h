#pragma once

#include "penstock/ids.h"
#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::app {

/// One shard's part of a checkpoint: the states of devices (inspect::StateBlob, one behind the
/// other), as they were when every record of these devices up to `lsn` was scored, and none above.
struct ScoreSnapshot {
    Lsn lsn;
    std::string states;
};

/// Checkpoints of the learned score in `<data_dir>/score/`: full ones, and changes since the one
/// before. Derived data: what is missing or damaged is learned anew from the journal, as far as
/// that reaches. Layout: docs/JOURNAL_FORMAT.md, "Score checkpoint". Threads: one at a time.
class ScoreStore {
public:
    ScoreStore(std::filesystem::path directory, const JournalId& journal);

    /// Calls `take` for each shard's states, older ones first, so that the last one of a device
    /// counts. Returns the LSN up to which the states hold everything: records above it are to be
    /// applied again. 0 when there is no usable checkpoint.
    using Take = std::function<void(const ScoreSnapshot&)>;
    [[nodiscard]] Result<Lsn> load(const Take& take);

    /// Writes a checkpoint durably. After a full one, older files go.
    [[nodiscard]] Status save(const std::vector<ScoreSnapshot>& shards, bool full);

    /// True when the next checkpoint should be full: there is none, or many changes follow the
    /// last.
    [[nodiscard]] bool wants_full() const noexcept { return changes_ == 0 || changes_ > kChanges; }

private:
    static constexpr std::uint32_t kChanges = 8;
    static constexpr std::size_t kFileBytesMax = std::size_t{4} << 30U;

    struct Parsed {
        bool full = false;
        std::vector<ScoreSnapshot> shards;
    };
    [[nodiscard]] Result<Parsed> read(const std::filesystem::path& path) const;
    [[nodiscard]] Result<std::vector<std::string>> files() const;

    std::filesystem::path directory_;
    JournalId journal_;
    std::uint64_t next_ = 1;     // number of the next file
    std::uint32_t changes_ = 0;  // files since the last full one, itself included; 0: none
};

}  // namespace penstock::app
