#include "app/doctor/checks.h"
#include "base/files.h"
#include "journal/format.h"
#include "journal/io_choice.h"
#include "journal/segment.h"
#include "penstock/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

namespace penstock::app::doctor {
namespace {

constexpr std::size_t kWrites = 64;
constexpr Nanoseconds kWriteWait = 10 * kSecond;
/// Above it each device that waits for its acknowledgement notices.
constexpr Nanoseconds kSlow = 20 * kMillisecond;

/// How long each of some writes of one block took until it was durable, sorted.
Result<std::vector<Nanoseconds>> time_writes(
    const Subject& subject, WriteQueue& queue, const std::filesystem::path& path
) {
    PS_CHECK(journal::make_zero_file(subject.disk, path, kWrites * journal::kBlock));
    PS_TRY(const auto file, subject.disk.open(path, queue.file_mode()));
    Batch block(journal::kBlock);
    std::ranges::fill(block.frame(), std::byte{0x5a});
    const std::array<std::span<const std::byte>, 1> parts{block.frame().first(journal::kBlock)};
    std::vector<Nanoseconds> took;
    std::vector<WriteQueue::Done> done;
    for (std::size_t i = 0; i < kWrites; ++i) {
        const Nanoseconds begun = subject.clock.monotonic();
        queue.submit(*file, parts, i * journal::kBlock, i);
        done.clear();
        PS_CHECK(queue.reap(done, kWriteWait));
        if (done.empty()) return Error{Errc::timed_out, "a write took longer than 10 s"};
        PS_CHECK(std::move(done.front().status));
        took.push_back(subject.clock.monotonic() - begun);
    }
    std::sort(took.begin(), took.end());
    return took;
}

void report(const std::vector<Nanoseconds>& took, Chart& chart) {
    const auto milliseconds = [&took](std::size_t i) {
        return static_cast<double>(took[i]) / static_cast<double>(kMillisecond);
    };
    const std::string what = fmt::format(
        "a durable write of 4 KiB takes {:.2f} ms (median of {}; the slowest {:.2f} ms)",
        milliseconds(took.size() / 2),
        took.size(),
        milliseconds(took.size() - 1)
    );
    if (took[took.size() / 2] > kSlow) {
        chart.warn(
            what,
            "Put data_dir on a faster disk (NVMe with power-loss protection): no acknowledgement "
            "is "
            "sooner than that."
        );
    } else {
        chart.good(what);
    }
}

void check_mode(const journal::IoChoice& choice, journal::IoMode wanted, Chart& chart) {
    if (choice.mode == "uring") {
        chart.good("io_uring with O_DIRECT works here");
    } else if (wanted == journal::IoMode::sync) {
        chart.good("journal.io is sync: write and fdatasync, as the settings want it");
    } else {
        chart.warn(
            "io_uring cannot be used: " + choice.why_sync + "; write and fdatasync stand in",
            "Allow io_uring (sysctl kernel.io_uring_disabled=0, seccomp profile) and use a file "
            "system with O_DIRECT; or say journal.io: sync."
        );
    }
}

}  // namespace

void check_writes(const Subject& subject, Chart& chart) {
    const auto& data_dir = subject.settings.data_dir;
    if (!files::exists(data_dir)) {
        chart.unknown(
            "io_uring and the latency of writes: there is no data_dir to try them in",
            "Make data_dir, as the user who runs Penstock, and ask again."
        );
        return;
    }
    const auto wanted = subject.settings.journal.writing.io;
    auto choice = journal::choose_io(wanted, 1, subject.disk, data_dir);
    if (!choice) {
        chart.bad(
            choice.error().message,
            "Say journal.io: auto, allow io_uring, or put data_dir on a disk that can be written."
        );
        return;
    }
    check_mode(*choice, wanted, chart);
    const auto path = data_dir / ("doctor" + std::string(journal::kTemporarySuffix));
    const auto took = time_writes(subject, *choice->queue, path);
    if (const auto removed = files::remove(path); !removed.ok())
        chart.warn(removed.error().message, "Remove that file by hand.");
    if (took) {
        report(*took, chart);
    } else {
        chart.bad(
            "a trial write failed: " + took.error().message,
            "Make data_dir a place with room to write."
        );
    }
}

}  // namespace penstock::app::doctor
