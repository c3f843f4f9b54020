#include "base/posix_disk.h"
#include "base/sync_queue.h"
#include "penstock/batch.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <thread>

namespace penstock {
namespace {

using test::TempDir;

constexpr std::size_t kBlockSize = 4'096;

DiskFilePtr zero_file(const std::filesystem::path& path, std::size_t size, OpenMode mode) {
    auto file = posix_disk().open(path, OpenMode::create);
    REQUIRE(file.ok());
    REQUIRE((*file)->write(std::vector<std::byte>(size), 0).ok());
    REQUIRE((*file)->sync().ok());
    auto again = posix_disk().open(path, mode);
    REQUIRE(again.ok());
    return *again;
}

void writes_are_reported_with_their_tokens(WriteQueue& queue, const std::filesystem::path& path) {
    const auto file = zero_file(path, 8 * kBlockSize, queue.file_mode());
    std::vector<std::unique_ptr<Batch>> buffers;
    std::vector<WriteQueue::Done> done;
    for (std::uint64_t i = 0; i < 8; ++i) {
        buffers.push_back(std::make_unique<Batch>(kBlockSize));
        const std::span<std::byte> bytes = buffers.back()->frame();
        std::ranges::fill(bytes, static_cast<std::byte>(i + 1));
        while (queue.in_flight() == queue.depth())
            REQUIRE(queue.reap(done, kSecond).ok());
        const std::array<std::span<const std::byte>, 1> parts{bytes};
        queue.submit(*file, parts, i * kBlockSize, 100 + i);
    }
    while (queue.in_flight() > 0)
        REQUIRE(queue.reap(done, kSecond).ok());
    REQUIRE(done.size() == 8);
    std::ranges::sort(done, {}, &WriteQueue::Done::token);
    for (std::uint64_t i = 0; i < 8; ++i) {
        CHECK(done[i].token == 100 + i);
        CHECK(done[i].status.ok());
    }
    auto reader = posix_disk().open(path, OpenMode::read);
    std::vector<std::byte> out(8 * kBlockSize);
    CHECK(*(*reader)->read(out, 0) == out.size());
    for (std::size_t i = 0; i < 8; ++i)
        CHECK(out[i * kBlockSize] == static_cast<std::byte>(i + 1));
}

void wake_ends_a_wait(WriteQueue& queue) {
    std::jthread waker([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        queue.wake();
    });
    std::vector<WriteQueue::Done> done;
    const auto begin = std::chrono::steady_clock::now();
    CHECK(queue.reap(done, 60 * kSecond).ok());
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(30));
    CHECK(done.empty());
}

TEST_CASE("write queue: sync reports every write and can be woken", "[base][disk]") {
    const TempDir dir;
    SyncQueue queue;
    writes_are_reported_with_their_tokens(queue, dir / "file");
    wake_ends_a_wait(queue);
    wake_ends_a_wait(queue);
}

TEST_CASE("write queue: io_uring reports every write and can be woken", "[base][disk][uring]") {
    const TempDir dir;
    auto queue = posix_disk().write_queue(4);
    if (!queue.ok()) {
        WARN("no io_uring here: " << queue.error().message);
        return;
    }
    writes_are_reported_with_their_tokens(**queue, dir / "file");
    wake_ends_a_wait(**queue);
    wake_ends_a_wait(**queue);
}

TEST_CASE(
    "write queue: a write to a closed descriptor is an error, not a loss", "[base][disk][uring]"
) {
    const TempDir dir;
    auto queue = posix_disk().write_queue(2);
    if (!queue.ok()) return;
    REQUIRE(posix_disk().open(dir / "file", OpenMode::create).ok());
    auto read_only = posix_disk().open(dir / "file", OpenMode::read);
    const Batch buffer(kBlockSize);
    Batch& writable = const_cast<Batch&>(buffer);
    const std::array<std::span<const std::byte>, 1> parts{writable.frame()};
    (*queue)->submit(**read_only, parts, 0, 1);
    std::vector<WriteQueue::Done> done;
    while ((*queue)->in_flight() > 0)
        REQUIRE((*queue)->reap(done, kSecond).ok());
    REQUIRE(done.size() == 1);
    CHECK_FALSE(done[0].status.ok());
}

TEST_CASE("write queue: sync touches no file after a failure", "[base][disk][D01]") {
    const TempDir dir;
    SyncQueue queue;
    REQUIRE(posix_disk().open(dir / "file", OpenMode::create).ok());
    auto read_only = posix_disk().open(dir / "file", OpenMode::read);
    auto good = posix_disk().open(dir / "file", OpenMode::write);
    const std::array<std::byte, 8> bytes{};
    const std::array<std::span<const std::byte>, 1> parts{bytes};
    std::vector<WriteQueue::Done> done;
    queue.submit(**read_only, parts, 0, 1);
    REQUIRE(queue.reap(done, 0).ok());
    queue.submit(**good, parts, 0, 2);
    REQUIRE(queue.reap(done, 0).ok());
    REQUIRE(done.size() == 2);
    CHECK_FALSE(done[0].status.ok());
    CHECK_FALSE(done[1].status.ok());
    CHECK(*(*good)->size() == 0);
}

}  // namespace
}  // namespace penstock
