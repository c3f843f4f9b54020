#include "sinks/journal_stores.h"

#include "base/metrics.h"
#include "base/posix_disk.h"
#include "journal/cursor.h"
#include "journal/quarantine_store.h"
#include "support/fake_log.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

namespace penstock::sinks {
namespace {

const JournalId kJournal{{1, 2, 3}};
const Balance kBalance{Lsn{2}, {.confirmed = 30, .refused = 1, .filtered = 9}};

TEST_CASE(
    "journal stores: a cursor comes back as it was saved, of each sink its own", "[sinks][S14]"
) {
    const test::TempDir dir;
    Disk& disk = posix_disk();
    metrics::Registry registry;
    const auto open = [&] {
        journal::CursorStore::Options options{dir.path(), kJournal, Lsn{100}, [] {
                                                  return Lsn{100};
                                              }};
        auto store = journal::CursorStore::open(std::move(options), disk, system_clock(), registry);
        REQUIRE(store.ok());
        return std::move(store).value();
    };
    {
        const auto store = open();
        const auto a = journal_cursor(*store, "a");
        const auto b = journal_cursor(*store, "b");
        CHECK_FALSE(a->load()->has_value());
        CHECK_FALSE(b->load()->has_value());
        Confirmations heard(Lsn{0}, 0);
        heard.hear(Lsn{42}, 0);
        REQUIRE(a->save(heard.settled(0), kBalance).ok());
    }
    const auto store = open();
    const auto a = journal_cursor(*store, "a");
    CHECK(a->load().value() == Lsn{42});
    CHECK(a->balance() == kBalance);
    CHECK_FALSE(journal_cursor(*store, "b")->load()->has_value());
}

TEST_CASE(
    "journal stores: a refused record is kept with its bytes and the reason", "[sinks][S07]"
) {
    const test::TempDir dir;
    Disk& disk = posix_disk();
    auto store = journal::QuarantineStore::open(dir.path(), kJournal, {}, disk, system_clock());
    REQUIRE(store.ok());
    const auto mine = quarantine(**store, "events");
    const auto bytes = test::encode_record({});
    const auto record = RecordView::parse(bytes);
    REQUIRE(record.ok());
    const RefusedCopy copies[] = {{Lsn{7}, "too large", *record}, {Lsn{8}, "gone", {}}};
    REQUIRE(mine->keep(copies).ok());
    const auto page = (*store)->list({});
    REQUIRE(page.ok());
    REQUIRE(page->entries.size() == 2);
    CHECK(page->entries[0].entry.sink == "events");
    CHECK(page->entries[0].entry.lsn == Lsn{7});
    CHECK(page->entries[0].entry.reason == "too large");
    CHECK(page->entries[0].entry.record == bytes);
}

}  // namespace
}  // namespace penstock::sinks
