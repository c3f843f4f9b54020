#include "journal/config.h"

#include "config/field.h"
#include "journal/format.h"

namespace penstock::config {

using journal::Config;
using journal::IoMode;
using journal::OnCorruption;

Table<Config> Fields<Config>::table() {
    using std::chrono::milliseconds;
    return {
        field(
            "segment_size",
            &Config::segment_size,
            "Size of a segment file; one more is kept prepared. Larger: fewer files, coarser "
            "retention.",
            between(1_MiB, 1_GiB)
        ),
        field(
            "io",
            &Config::io,
            "How segments are written; auto tries io_uring with O_DIRECT in the data directory at "
            "start.",
            one_of<IoMode>(
                {{"auto", IoMode::automatic}, {"uring", IoMode::uring}, {"sync", IoMode::sync}}
            )
        ),
        field(
            "commit_window",
            &Config::commit_window,
            "Longest wait of a busy commit for more records. An idle system commits at once.",
            at_most(Duration(milliseconds(100)))
        ),
        field(
            "commits_in_flight",
            &Config::commits_in_flight,
            "Writes under way at a time (io_uring).",
            between(1U, 16U)
        ),
        field(
            "memory_tail",
            &Config::memory_tail,
            "Newest records kept in memory, for sinks that keep up.",
            between(1_MiB, 64_GiB)
        ),
        field(
            "batch_size",
            &Config::batch_size,
            "Buffer that a shard fills before it hands it to the commit thread.",
            between(16_KiB, 16_MiB)
        ),
        field(
            "record_max",
            &Config::record_max,
            "Largest record, as it stands in the journal. Must fit a segment.",
            between(4_KiB, 256_MiB)
        ),
        field(
            "ring",
            &Config::ring,
            "Batches on their way between one shard and the commit thread.",
            between(4U, 4096U)
        ),
        field(
            "max_size",
            &Config::max_size,
            "Bound for all segments together; nothing new is taken above 90 % of it. 0: none."
        ),
        field(
            "disk_soft",
            &Config::disk_soft,
            "Percent of the file system (or of max_size) in use above which the journal warns.",
            between(1U, 100U)
        ),
        field(
            "disk_hard",
            &Config::disk_hard,
            "Percent in use above which it takes no records until space returns.",
            between(1U, 100U)
        ),
        field(
            "disk_enough",
            &Config::disk_enough,
            "While this much is free the file system counts as neither, whatever the percentage. "
            "0: the "
            "percentages alone decide."
        ),
        field(
            "on_corruption",
            &Config::on_corruption,
            "When acknowledged records are found damaged at a start: refuse to start, or continue "
            "without "
            "them. A copy of the damaged bytes is kept in either case.",
            one_of<OnCorruption>(
                {{"refuse", OnCorruption::refuse}, {"continue", OnCorruption::accept_loss}}
            )
        ),
    };
}

void Fields<Config>::check(const Config& config, const Origin& origin, Problems& problems) {
    const std::uint64_t room = journal::payload_max(config.segment_size.value);
    if (config.record_max.value > room || config.batch_size.value > room) {
        problems.error(
            origin.at("segment_size"),
            "'segment_size' must be larger than 'record_max' and 'batch_size' by 28KiB"
        );
    }
    if (config.disk_soft > config.disk_hard) {
        problems.error(origin.at("disk_soft"), "'disk_soft' must not be above 'disk_hard'");
    }
    if (config.max_size.value != 0 && config.max_size < ByteCount{4 * config.segment_size.value}) {
        problems.error(origin.at("max_size"), "'max_size' must be at least 4 times 'segment_size'");
    }
}

}  // namespace penstock::config
