#include "journal/journal.h"

#include "base/metrics.h"
#include "base/posix_disk.h"
#include "numbered_records.h"
#include "penstock/clock.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace penstock::journal {
namespace {

using test::NumberedRecord;
using test::put_record;
using test::read_all;
using test::TempDir;

/// A shard that waits for its waker.
class Shard {
public:
    Shard(Journal& journal, std::uint32_t id) : appender_(journal.appender({id})), id_(id) {
        journal.set_waker({id}, [this] {
            const std::lock_guard lock(mutex_);
            woken_ = true;
            changed_.notify_one();
        });
    }

    /// Submits batches of `per_batch` records until `count` are durable.
    void write(std::uint64_t count, std::uint64_t per_batch, std::uint64_t size = 64) {
        std::uint64_t sent = 0;
        std::uint64_t confirmed = 0;
        BatchPtr waiting;
        while (confirmed < count) {
            while (sent < count || waiting) {
                if (!waiting) {
                    waiting = appender_.acquire(size * per_batch);
                    for (std::uint64_t i = 0; i < per_batch && sent < count; ++i) {
                        put_record(*waiting, {id_, first_ + sent++, size});
                    }
                    waiting->seal();
                }
                if (!appender_.submit(waiting)) break;
                waiting.reset();
            }
            confirmed += poll();
            if (confirmed < count) wait();
        }
        first_ += count;
    }

    /// (LSN, count) of all batches, in the order of poll().
    std::vector<Appender::Durable> durable;

private:
    std::uint64_t poll() {
        std::uint64_t sum = 0;
        for (auto next = appender_.poll(); next.count > 0; next = appender_.poll()) {
            durable.push_back(next);
            sum += next.count;
        }
        return sum;
    }

    void wait() {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, std::chrono::seconds(30), [this] { return woken_; })) {
            throw std::runtime_error("the journal did not wake its shard");
        }
        woken_ = false;
    }

    Appender& appender_;
    std::uint32_t id_;
    std::uint64_t first_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool woken_ = false;
};

/// A journal on the real disk.
struct Box {
    explicit Box(IoMode io, std::uint32_t shards = 1) {
        options.directory = dir / "journal";
        options.shards = shards;
        options.config.io = io;
        options.config.segment_size = 1_MiB;
        options.config.batch_size = 128_KiB;
        options.config.record_max = 256_KiB;
        options.config.memory_tail = 1_MiB;
    }

    Result<std::unique_ptr<Journal>> open() {
        // Each journal keeps its own: it may live on when the next is opened.
        registries.push_back(std::make_unique<metrics::Registry>());
        return Journal::open(options, posix_disk(), system_clock(), *registries.back());
    }

    TempDir dir;
    Options options;
    std::vector<std::unique_ptr<metrics::Registry>> registries;
};

bool offered(IoMode mode) {
    if (mode != IoMode::uring) return true;
    Box box(mode);
    const auto journal = box.open();
    if (!journal.ok()) WARN(journal.error().message);
    return journal.ok();
}

TEST_CASE("journal: what was reported durable is read back after a clean restart", "[journal]") {
    const auto io = GENERATE(IoMode::sync, IoMode::uring);
    if (!offered(io)) return;
    Box box(io);
    for (std::uint64_t run = 0; run < 3; ++run) {
        auto opened = box.open();
        REQUIRE(opened.ok());
        auto& journal = **opened;
        CHECK(journal.recovery().clean);
        CHECK(journal.recovery().tail.value == run * 1'000);
        Shard shard(journal, 0);
        journal.start();
        shard.write(1'000, 7, 512);
        CHECK(journal.durable().value == (run + 1) * 1'000);
        const auto back = read_all(*journal.reader());
        CHECK(back.errors.empty());
        CHECK(back.contiguous);
        CHECK(back.records.size() == (run + 1) * 1'000);
        REQUIRE(journal.close().ok());
    }
}

TEST_CASE(
    "journal: shards under load get contiguous LSNs, each in its own order", "[journal][threads]"
) {
    const auto io = GENERATE(IoMode::sync, IoMode::uring);
    if (!offered(io)) return;
    constexpr std::uint32_t kShards = 3;
    constexpr std::uint64_t kRecords = 6'000;
    Box box(io, kShards);
    auto opened = box.open();
    REQUIRE(opened.ok());
    auto& journal = **opened;
    std::vector<std::unique_ptr<Shard>> shards;
    for (std::uint32_t i = 0; i < kShards; ++i)
        shards.push_back(std::make_unique<Shard>(journal, i));
    journal.start();
    {
        std::vector<std::jthread> threads;
        for (std::uint32_t i = 0; i < kShards; ++i) {
            threads.emplace_back([&shards, i] {
                shards[i]->write(kRecords, 5 + i * 40, 200 + i * 8);
            });
        }
    }
    CHECK(journal.durable().value == kShards * kRecords);
    const auto back = read_all(*journal.reader());
    CHECK(back.errors.empty());
    CHECK(back.contiguous);
    REQUIRE(back.records.size() == kShards * kRecords);
    for (std::uint32_t i = 0; i < kShards; ++i) {
        std::uint64_t sequence = 0;
        Lsn before;
        for (const auto& [first, count] : shards[i]->durable) {
            REQUIRE(first > before);
            before = first;
            for (std::uint64_t n = 0; n < count; ++n) {
                const NumberedRecord& record = back.records.at(first.value + n);
                REQUIRE(record.shard == i);
                REQUIRE(record.sequence == sequence++);
            }
        }
        CHECK(sequence == kRecords);
    }
    REQUIRE(journal.close().ok());
    CHECK(box.registries.back()->value("penstock_journal_records_total") == kShards * kRecords);
}

TEST_CASE("journal: a second process is refused and the first unharmed", "[journal][D21]") {
    Box box(IoMode::sync);
    auto first = box.open();
    REQUIRE(first.ok());
    const auto second = box.open();
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().code == Errc::conflict);
    Shard shard(**first, 0);
    (*first)->start();
    shard.write(10, 1);
    CHECK((*first)->close().ok());
}

}  // namespace
}  // namespace penstock::journal
