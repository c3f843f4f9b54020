#include "base/metrics.h"
#include "base/posix_disk.h"
#include "journal/cursor.h"
#include "journal/history.h"
#include "journal/journal.h"
#include "journal/retention.h"
#include "journal/segment_files.h"
#include "journal/tool.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <sstream>
#include <thread>

/// Readers, cursors, history and retention on a journal that is really being written.
namespace penstock::journal {
namespace {

using test::must;
using test::record_of;

struct Node {
    Node() {
        options.directory = directory / "journal";
        options.config.io = IoMode::sync;
        options.config.segment_size = 1_MiB;
        options.config.batch_size = 64_KiB;
        options.config.record_max = 128_KiB;
        options.config.memory_tail = 1_MiB;
        open();
    }
    ~Node() { close(); }

    void open() {
        registry = std::make_unique<metrics::Registry>();
        journal = must(Journal::open(options, posix_disk(), system_clock(), *registry));
        journal->set_waker({0}, [this] {
            const std::lock_guard lock(mutex);
            woken = true;
            changed.notify_one();
        });
        keeper = std::make_unique<IndexKeeper>(LogParts::of(*journal), *registry);
        history = std::make_unique<JournalHistory>(LogParts::of(*journal), *keeper);
        journal->start();
        keeper->start();
    }
    void close() {
        if (!journal) return;
        must(journal->close());
        keeper->stop();
        history.reset();
        keeper.reset();
        journal.reset();
    }
    /// `count` records of devices d0..d9 in turn, in batches of ten; durable when it returns. Event
    /// time: a running number.
    void write(int count) {
        auto& appender = journal->appender({0});
        const std::string payload(2'000, 'x');
        int confirmed = 0;
        for (int sent = 0; confirmed < count;) {
            if (sent < count) {
                const auto batch = appender.acquire();
                for (int i = 0; i < 10; ++i)
                    put(*batch, payload);
                batch->seal();
                while (!appender.submit(batch))
                    wait();
                sent += 10;
            }
            for (auto done = appender.poll(); done.count > 0; done = appender.poll())
                confirmed += static_cast<int>(done.count);
            if (sent >= count && confirmed < count) wait();
        }
    }
    void put(Batch& batch, std::string_view payload) {
        const auto record = record_of("d" + std::to_string(written % 10), written, payload);
        const auto room = batch.reserve(record.size());
        std::memcpy(room.data(), record.data(), record.size());
        batch.commit(record.size());
        ++written;
    }
    void wait() {
        std::unique_lock lock(mutex);
        changed.wait_for(lock, std::chrono::seconds(10), [this] { return woken; });
        woken = false;
    }

    test::TempDir directory;
    Options options;
    std::unique_ptr<metrics::Registry> registry;
    std::unique_ptr<Journal> journal;
    std::unique_ptr<IndexKeeper> keeper;
    std::unique_ptr<JournalHistory> history;
    int written = 0;
    std::mutex mutex;
    std::condition_variable changed;
    bool woken = false;
};

TEST_CASE(
    "reading side: FORBIDDEN under load: a record missed or doubled by a sink, deleted too early, "
    "unknown to history",
    "[journal][concurrency]"
) {
    constexpr int kRecords = 3'000;  // about six segments
    Node node;
    RetentionConfig keep;
    keep.retain_size = 2_MiB;
    Retention retention(
        RetentionParts::of(*node.journal, node.options.config), keep, *node.registry
    );
    retention.expect({{"fast"}, {"slow"}});
    retention.start();
    std::atomic<int> wrong{0};
    const auto sink = [&](const char* name, int pause_every) {
        const auto cursor = must(node.journal->cursors().attach(name));
        const auto reader = node.journal->reader();
        reader->seek(cursor->lsn().next());
        Lsn expected = cursor->lsn().next();
        for (int chunks = 0; expected.value <= kRecords; ++chunks) {
            const auto result = reader->read(kSecond, {});
            if (!result || (!result->chunk && result->gap.cause != Gap::Cause::none)) {
                ++wrong;
                return;
            }
            if (!result->chunk) continue;
            if (result->chunk->first() != expected) ++wrong;
            expected = expected.plus(result->chunk->count());
            SinkProgress progress;
            progress.safe = {expected.value - 1};
            if (chunks % pause_every == 0) must(cursor->save(Confirmed::by(progress)));
        }
        SinkProgress progress;
        progress.safe = {expected.value - 1};
        must(cursor->save(Confirmed::by(progress)));
    };
    std::thread fast(sink, "fast", 5);
    std::thread slow(sink, "slow", 40);
    for (int i = 0; i < kRecords / 100; ++i) {
        node.write(100);
        const auto latest = node.history->latest("d3");
        if (!latest || latest->record.event_time() != i * 100 + 93) ++wrong;
        HistoryQuery query;
        query.device = "d4";
        query.limit = 5;
        const auto page = node.history->query(query);
        if (!page || page->records.size() != 5) ++wrong;
        if (!node.history->devices("", 20)) ++wrong;
    }
    fast.join();
    slow.join();
    CHECK(must(retention.run_once()) < 10);
    retention.stop();
    CHECK(wrong == 0);
    CHECK(node.journal->segments().bytes() <= 4 * (1U << 20U));
    CHECK(node.registry->value("penstock_journal_expired_records_total") == 0);
    CHECK(must(node.history->devices("", 20)).devices.size() == 10);
}

TEST_CASE(
    "reading side: cursors and history stand after a restart, and the tool finds nothing",
    "[journal]"
) {
    Node node;
    node.write(1'200);
    {
        const auto cursor = must(node.journal->cursors().attach("lake"));
        SinkProgress progress;
        progress.safe = {700};
        must(cursor->save(Confirmed::by(progress)));
    }
    node.close();
    std::ostringstream out;
    std::ostringstream problems;
    ToolOptions options;
    options.directory = node.options.directory;
    CHECK(check_journal(options, posix_disk(), out, problems) == kToolOk);
    CHECK(problems.str().empty());
    INFO(out.str());
    CHECK(out.str().find("1200 records, 0 problems, 0 notes") != std::string::npos);
    node.open();
    CHECK(must(node.journal->cursors().attach("lake"))->lsn() == Lsn{700});
    CHECK(must(node.history->latest("d9")).record.event_time() == 1199);
    node.write(100);
    CHECK(must(node.history->latest("d9")).record.event_time() == 1299);
    HistoryQuery query;
    query.device = "d0";
    query.limit = 1000;
    CHECK(must(node.history->query(query)).records.size() == 130);
    const auto reader = node.journal->reader();
    reader->seek({701});
    Lsn expected{701};
    while (reader->position() <= reader->durable()) {
        const auto result = must(reader->read(0, {}));
        if (result.chunk) expected = result.chunk->first().plus(result.chunk->count());
    }
    CHECK(expected == Lsn{1301});
}

TEST_CASE("reading side: check works beside a running daemon", "[journal][tool]") {
    Node node;
    std::atomic<bool> done{false};
    std::atomic<int> damaged{0};
    std::thread checker([&] {
        ToolOptions options;
        options.directory = node.options.directory;
        while (!done) {
            std::ostringstream out;
            std::ostringstream problems;
            if (check_journal(options, posix_disk(), out, problems) != kToolOk) {
                ++damaged;
                UNSCOPED_INFO(problems.str());
            }
        }
    });
    node.write(2'000);
    done = true;
    checker.join();
    CHECK(damaged == 0);
}

}  // namespace
}  // namespace penstock::journal
