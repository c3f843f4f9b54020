#include "journal/io_choice.h"

#include "base/sync_queue.h"
#include "journal/format.h"
#include "journal/segment.h"
#include "penstock/batch.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace penstock::journal {

namespace {

constexpr Nanoseconds kTrialWait = 10 * kSecond;

Status write_and_read_back(Disk& disk, WriteQueue& queue, const std::filesystem::path& path) {
    PS_TRY(const auto file, disk.open(path, queue.file_mode()));
    Batch buffer(2 * kBlock);
    std::ranges::fill(buffer.frame(), std::byte{0xa5});
    // Two parts, as a commit has several.
    const std::array<std::span<const std::byte>, 2> parts{
        buffer.frame().first(kBlock), buffer.frame().subspan(kBlock)
    };
    queue.submit(*file, parts, kBlock, 1);
    std::vector<WriteQueue::Done> done;
    PS_CHECK(queue.reap(done, kTrialWait));
    if (done.empty()) return Error{Errc::timed_out, "a trial write did not complete"};
    PS_CHECK(std::move(done.front().status));
    std::vector<std::byte> back(2 * kBlock);
    PS_TRY(const auto reader, disk.open(path, OpenMode::read));
    PS_TRY(const std::size_t got, reader->read(back, kBlock));
    if (got != back.size() || !std::ranges::equal(back, buffer.frame())) {
        return Error{Errc::io, "a trial write read back differently"};
    }
    return {};
}

Result<std::unique_ptr<WriteQueue>> try_queue(
    std::size_t depth, Disk& disk, const std::filesystem::path& directory
) {
    PS_TRY(auto queue, disk.write_queue(depth));
    const auto path = directory / ("trial" + std::string(kTemporarySuffix));
    PS_CHECK(make_zero_file(disk, path, 4 * kBlock));
    const Status tried = write_and_read_back(disk, *queue, path);
    PS_CHECK(disk.remove(path));
    if (!tried.ok()) return tried.error();
    return queue;
}

}  // namespace

Result<IoChoice> choose_io(
    IoMode mode, std::size_t depth, Disk& disk, const std::filesystem::path& directory
) {
    IoChoice choice;
    if (mode != IoMode::sync) {
        auto queue = try_queue(depth, disk, directory);
        if (queue.ok()) {
            choice.queue = std::move(queue).value();
            choice.mode = "uring";
            return choice;
        }
        if (mode == IoMode::uring) {
            return Error{
                Errc::unsupported,
                "journal.io is uring, but " + directory.string() +
                    " cannot be written that way: " + queue.error().message
            };
        }
        choice.why_sync = queue.error().message;
    }
    choice.queue = std::make_unique<SyncQueue>();
    choice.mode = "sync";
    return choice;
}

}  // namespace penstock::journal
