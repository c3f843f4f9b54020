#include "journal/history.h"

#include "base/metrics.h"
#include "base/posix_disk.h"
#include "journal/segment_files.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

namespace penstock::journal {
namespace {

using test::must;
using test::record_of;
using test::RecordBuilder;
using test::SegmentFiles;

/// A journal by hand, its indexes kept by a running thread.
struct Fixture {
    explicit Fixture(std::size_t memory = 0) : files(posix_disk(), directory / "journal", memory) {
        files.size = 256 * 1024;
        files.begin();
        start();
    }
    ~Fixture() { keeper->stop(); }

    void start() {
        keeper = std::make_unique<IndexKeeper>(log(), registry);
        keeper->start();
        history = std::make_unique<JournalHistory>(log(), *keeper);
    }
    void restart() {
        keeper->stop();
        history.reset();
        keeper.reset();
        start();
    }
    [[nodiscard]] LogParts log() const {
        return {posix_disk(), files.tail, files.segments, files.journal};
    }
    void next_segment() {
        files.seal();
        files.begin();
    }
    void retire() {
        const auto oldest = files.segments.all().front();
        files.segments.drop(oldest.number);
        std::filesystem::remove(oldest.path);
        std::filesystem::remove(index_path(oldest.path));
    }
    [[nodiscard]] std::string latest(std::string_view device) const {
        const auto record = history->latest(device);
        return record ? std::string(record->record.payload())
                      : std::string(name(record.error().code));
    }
    /// The payloads of all pages.
    [[nodiscard]] std::string query(HistoryQuery query) const {
        std::string text;
        std::string after;
        do {
            query.after = after;
            const auto page = must(history->query(query));
            for (const auto& record : page.records)
                text += record.record.payload();
            CHECK(page.records.size() <= query.limit);
            after = page.next;
        } while (!after.empty());
        return text;
    }
    [[nodiscard]] std::string all_of(std::string_view device, std::uint32_t limit = 3) const {
        HistoryQuery q;
        q.device = device;
        q.limit = limit;
        return query(q);
    }
    [[nodiscard]] bool index_exists(std::uint64_t number) const {
        return std::filesystem::exists(index_path(directory / "journal" / segment_name(number)));
    }
    void wait_for_index(std::uint64_t number) const {
        while (!index_exists(number))
            std::this_thread::yield();
    }

    test::TempDir directory;
    SegmentFiles files;
    metrics::Registry registry;
    std::unique_ptr<IndexKeeper> keeper;
    std::unique_ptr<JournalHistory> history;
};

TEST_CASE("history: latest is the newest by event time, then LSN", "[journal]") {
    Fixture f;
    CHECK(f.latest("d") == "not_found");
    f.files.add({record_of("d", 10, "a"), record_of("e", 50, "x")});
    CHECK(f.latest("d") == "a");
    f.files.add({record_of("d", 10, "b")});
    CHECK(f.latest("d") == "b");
    f.next_segment();
    f.files.add({record_of("d", 5, "late")});
    CHECK(f.latest("d") == "b");
    f.next_segment();
    f.files.add({record_of("d", 11, "c")});
    CHECK(f.latest("d") == "c");
    CHECK(f.latest("e") == "x");
    f.files.add({record_of("f", 1001, "p")});
    f.next_segment();
    f.files.add({record_of("f", 1000, "q")});
    CHECK(f.latest("f") == "p");
    f.restart();
    CHECK(f.latest("f") == "p");
    CHECK(f.latest("d") == "c");
    CHECK(f.latest("nobody") == "not_found");
}

TEST_CASE("history: latest forgets what retention took", "[journal]") {
    Fixture f;
    f.files.add({record_of("d", 100, "old")});
    f.next_segment();
    f.files.add({record_of("d", 5, "late")});
    f.next_segment();
    f.files.add({record_of("e", 6, "x")});
    CHECK(f.latest("d") == "old");
    f.retire();
    CHECK(f.latest("d") == "late");
    f.retire();
    CHECK(f.latest("d") == "not_found");
}

TEST_CASE("history: a page is newest first, and pages join without loss", "[journal]") {
    Fixture f;
    f.files.add({record_of("d", 3, "c"), record_of("d", 1, "a"), record_of("x", 9, "-")});
    f.next_segment();
    f.files.add({record_of("d", 5, "e"), record_of("d", 2, "b")});
    f.files.add({record_of("d", 5, "f"), record_of("d", 4, "d")});
    for (std::uint32_t limit = 1; limit < 9; ++limit)
        CHECK(f.all_of("d", limit) == "fedcba");
    HistoryQuery q;
    q.device = "d";
    q.from = 2;
    q.to = 5;
    CHECK(f.query(q) == "dcb");
    q.stream = "wearables";
    CHECK(f.query(q) == "dcb");
    q.stream = "other";
    CHECK(f.query(q).empty());
}

TEST_CASE("history: paging stays right while new data arrives", "[journal]") {
    Fixture f;
    f.files.add({record_of("d", 1, "a"), record_of("d", 3, "c"), record_of("d", 5, "e")});
    HistoryQuery q;
    q.device = "d";
    q.limit = 1;
    const auto first = must(f.history->query(q));
    CHECK(first.records.at(0).record.payload() == "e");
    f.next_segment();
    f.files.add({record_of("d", 9, "new"), record_of("d", 4, "d"), record_of("d", 3, "C")});
    q.after = first.next;
    q.limit = 10;
    std::string rest;
    for (const auto& record : must(f.history->query(q)).records)
        rest += record.record.payload();
    CHECK(rest == "dCca");
    q.after = "nonsense";
    CHECK(f.history->query(q).error().code == Errc::invalid_argument);
    q.after = "";
    q.limit = 0;
    CHECK(f.history->query(q).error().code == Errc::invalid_argument);
}

TEST_CASE("history: quarantined records show only when they are asked for", "[journal]") {
    Fixture f;
    RecordBuilder bad;
    bad.device("d").flags(kQuarantined).event_time(9).payload("bad");
    f.files.add({record_of("d", 1, "a"), bad.bytes()});
    CHECK(f.latest("d") == "a");
    CHECK(f.all_of("d") == "a");
    HistoryQuery q;
    q.device = "d";
    q.stream = "_quarantine";
    CHECK(f.query(q) == "bad");
    CHECK(must(f.history->devices("", 10)).devices.size() == 1);
}

TEST_CASE("history: devices are listed once, by name, with what is kept of them", "[journal]") {
    Fixture f;
    f.files.add({record_of("b", 1), record_of("a", 7), record_of("c", 1)});
    f.next_segment();
    f.files.add({record_of("a", 2), record_of("d", 1)});
    std::string seen;
    std::string after;
    do {
        const auto page = must(f.history->devices(after, 2));
        for (const auto& device : page.devices)
            seen += device.device + std::to_string(device.records) + '@' +
                    std::to_string(device.last_event_time) + '#' +
                    std::to_string(device.last_lsn.value) + ' ';
        after = page.next;
    } while (!after.empty());
    CHECK(seen == "a2@7#2 b1@1#1 c1@1#3 d1@1#5 ");
}

TEST_CASE("history: missing and bad indexes are built again", "[journal][D15]") {
    Fixture f;
    f.files.add({record_of("d", 1, "a")});
    f.next_segment();
    f.files.add({record_of("d", 2, "b")});
    f.next_segment();
    f.files.add({record_of("d", 3, "c")});
    CHECK(f.all_of("d") == "cba");
    f.wait_for_index(1);
    f.wait_for_index(2);
    f.keeper->stop();
    const auto folder = f.directory / "journal";
    std::filesystem::remove(index_path(folder / segment_name(1)));
    std::ofstream(index_path(folder / segment_name(2)), std::ios::trunc) << "garbage";
    f.restart();
    CHECK(f.all_of("d") == "cba");
    CHECK(f.latest("d") == "c");
    CHECK(f.index_exists(1));
    CHECK(must(open_index(posix_disk(), f.files.segments.all()[1], f.files.journal))->verify().ok()
    );
}

TEST_CASE(
    "history: the index of a sealed segment is written by the thread, without a question",
    "[journal]"
) {
    Fixture f;
    f.files.add({record_of("d", 1, "a")});
    f.files.seal();
    f.wait_for_index(1);
    f.keeper->stop();
    CHECK(
        must(open_index(posix_disk(), f.files.segments.all()[0], f.files.journal))->records() == 1
    );
}

TEST_CASE("history: damage costs the records it hits and no other", "[journal][D13]") {
    Fixture f;
    f.files.add({record_of("d", 1, "a")});
    f.files.add({record_of("d", 2, "b")});
    const auto bad = f.files.last_frame;
    f.files.add({record_of("d", 3, "c")});
    f.next_segment();
    f.files.add({record_of("d", 0, "z")});
    CHECK(f.all_of("d") == "cbaz");
    f.wait_for_index(1);
    f.files.flip(1, bad + sizeof(FrameHeader) + 3);
    CHECK(f.all_of("d") == "caz");
    f.files.flip(1, bad + 3);
    std::filesystem::remove(index_path(f.directory / "journal" / segment_name(1)));
    f.restart();
    CHECK(f.all_of("d") == "caz");
}

TEST_CASE(
    "history: hundreds of segments answer as a plain list of all records would", "[journal]"
) {
    Fixture f;
    std::mt19937_64 random(11);
    struct Row {
        Posting posting;
        std::string payload;
    };
    std::vector<Row> rows;  // of device d7
    for (int segment = 0; segment < 200; ++segment) {
        for (int frame = 0; frame < 3; ++frame) {
            std::vector<std::vector<std::byte>> records;
            for (int i = 0; i < 4; ++i) {
                const auto device = "d" + std::to_string(random() % 40);
                const auto time =
                    static_cast<Nanoseconds>(segment * 100 + static_cast<int>(random() % 5000));
                const auto payload = std::to_string(random() % 1000) + ' ';
                if (device == "d7")
                    rows.push_back({{f.files.next().plus(records.size()), time}, payload});
                records.push_back(record_of(device, time, payload));
            }
            f.files.add(records);
        }
        f.next_segment();
    }
    f.files.add({record_of("d7", 1'000'000, "newest")});
    rows.push_back({{Lsn{f.files.next().value - 1}, 1'000'000}, "newest"});
    std::ranges::sort(rows, std::greater<>{}, &Row::posting);
    std::string all;
    std::string middle;
    for (const auto& row : rows) {
        all += row.payload;
        if (row.posting.event_time >= 5000 && row.posting.event_time < 9000) middle += row.payload;
    }
    for (int round = 0; round < 2; ++round) {
        CHECK(f.all_of("d7", 7) == all);
        CHECK(f.all_of("d7", 1000) == all);
        HistoryQuery q;
        q.device = "d7";
        q.from = 5000;
        q.to = 9000;
        q.limit = 5;
        CHECK(f.query(q) == middle);
        CHECK(f.latest("d7") == "newest");
        CHECK(must(f.history->devices("", 100)).devices.size() == 40);
        f.restart();
    }
}

TEST_CASE(
    "history: FORBIDDEN while segments come and go: an error, a wrong order, a stranger's record",
    "[journal][concurrency]"
) {
    Fixture f(64 * 1024);
    std::atomic<bool> done{false};
    std::atomic<int> wrong{0};
    f.files.add({record_of("d", 0, "d"), record_of("e", 0, "e")});
    const auto ask = [&] {
        while (!done) {
            HistoryQuery q;
            q.device = "d";
            q.limit = 20;
            const auto page = f.history->query(q);
            if (!page) {
                ++wrong;
                continue;
            }
            for (std::size_t i = 0; i < page->records.size(); ++i) {
                const auto& record = page->records[i];
                if (record.record.device() != "d" || record.record.payload() != "d") ++wrong;
                if (i > 0 && record.lsn >= page->records[i - 1].lsn) ++wrong;
            }
            const auto latest = f.history->latest("d");
            if (!latest || latest->record.device() != "d") ++wrong;
            if (!f.history->devices("", 10)) ++wrong;
        }
    };
    std::thread first(ask);
    std::thread second(ask);
    for (int i = 1; i < 60; ++i) {
        f.files.add({record_of("e", i, "e"), record_of("d", i, "d")});
        f.files.add({record_of("d", i, "d")});
        f.next_segment();
        f.files.add({record_of("d", i, "d")});
        if (i > 5) f.retire();
    }
    done = true;
    first.join();
    second.join();
    CHECK(wrong == 0);
}

TEST_CASE("history: the tail begins behind the newest record", "[journal]") {
    Fixture f(1 << 20);
    f.files.add({record_of("d", 1, "a")});
    const auto tail = f.history->tail();
    CHECK(tail->position() == Lsn{2});
    f.files.add({record_of("d", 2, "b")});
    const auto result = must(tail->read(kSecond, {}));
    CHECK(result.chunk->first() == Lsn{2});
}

}  // namespace
}  // namespace penstock::journal
