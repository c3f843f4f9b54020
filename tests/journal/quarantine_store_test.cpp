#include "journal/quarantine_store.h"

#include "base/posix_disk.h"
#include "journal/segment_files.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <thread>

namespace penstock::journal {
namespace {

using test::must;

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

struct Fixture {
    [[nodiscard]] std::unique_ptr<QuarantineStore> open(ByteCount max_size = 1_MiB) {
        return must(QuarantineStore::open(
            directory / "quarantine",
            journal,
            QuarantineConfig{max_size},
            posix_disk(),
            system_clock()
        ));
    }
    static Status append(QuarantineStore& store, std::string_view sink, std::uint64_t lsn) {
        const auto record = bytes_of("record " + std::to_string(lsn));
        const RefusedCopy copy{{lsn}, "400: no such field", record};
        return store.append(sink, std::span(&copy, 1));
    }
    static std::string lsns(const QuarantinePage& page) {
        std::string text;
        for (const auto& listed : page.entries)
            text += listed.entry.sink + std::to_string(listed.entry.lsn.value) + ' ';
        return text;
    }

    test::TempDir directory;
    JournalId journal;
};

TEST_CASE("quarantine: what is appended is listed, also after a restart", "[journal]") {
    Fixture f;
    {
        const auto store = f.open();
        must(Fixture::append(*store, "a", 5));
        must(Fixture::append(*store, "b", 7));
    }
    const auto store = f.open();
    must(Fixture::append(*store, "a", 9));
    const auto page = must(store->list({}));
    CHECK(Fixture::lsns(page) == "a5 b7 a9 ");
    CHECK(page.next.empty());
    CHECK(page.entries[0].entry.record == bytes_of("record 5"));
    CHECK(page.entries[0].entry.reason == "400: no such field");
    CHECK(page.entries[0].journal == f.journal);
}

TEST_CASE("quarantine: pages neither lose nor repeat entries", "[journal]") {
    Fixture f;
    for (std::uint64_t run = 0; run < 3; ++run) {
        const auto store = f.open();
        for (std::uint64_t i = 0; i < 5; ++i)
            must(Fixture::append(*store, i % 2 == 0 ? "a" : "b", run * 5 + i));
    }
    const auto store = f.open();
    for (const auto* sink : {"", "a", "b"}) {
        std::string seen;
        QuarantineQuery query;
        query.sink = sink;
        query.limit = 2;
        std::string after;
        do {
            query.after = after;
            const auto page = must(store->list(query));
            seen += Fixture::lsns(page);
            after = page.next;
        } while (!after.empty());
        query.after = "";
        query.limit = 1000;
        CHECK(seen == Fixture::lsns(must(store->list(query))));
    }
}

TEST_CASE("quarantine: a record refused again after a crash is kept once", "[journal]") {
    Fixture f;
    must(Fixture::append(*f.open(), "a", 5));
    const auto store = f.open();
    must(Fixture::append(*store, "a", 5));
    must(Fixture::append(*store, "b", 5));
    CHECK(Fixture::lsns(must(store->list({}))) == "a5 b5 ");
}

TEST_CASE("quarantine: at the bound nothing is taken and nothing dropped", "[journal]") {
    Fixture f;
    const auto store = f.open({600});
    std::uint64_t taken = 0;
    Status status;
    while ((status = Fixture::append(*store, "a", taken)).ok())
        ++taken;
    CHECK(status.error().code == Errc::full);
    CHECK(taken > 0);
    CHECK(store->bytes() <= 600);
    CHECK(must(store->list({})).entries.size() == taken);
}

TEST_CASE("quarantine: discarding makes room", "[journal]") {
    Fixture f;
    must(Fixture::append(*f.open(), "a", 1));
    const auto store = f.open();
    must(Fixture::append(*store, "a", 2));
    const auto page = must(store->list({}));
    must(store->discard(page.entries[0].id));
    CHECK(Fixture::lsns(must(store->list({}))) == "a2 ");
    must(store->discard(page.entries[1].id));
    CHECK(store->bytes() == 0);
    must(Fixture::append(*store, "a", 3));
    CHECK(Fixture::lsns(must(store->list({}))) == "a3 ");
    CHECK(store->discard("nonsense").error().code == Errc::invalid_argument);
}

TEST_CASE("quarantine: damage costs the entry it hits and no other", "[journal][D13]") {
    std::vector<std::byte> file = encode_quarantine_header({});
    for (std::uint64_t lsn = 1; lsn <= 3; ++lsn) {
        const auto entry = encode_quarantine_entry("a", {lsn}, 0, "why", bytes_of("x"));
        file.insert(file.end(), entry.begin(), entry.end());
    }
    const auto count = [](std::span<const std::byte> bytes) {
        std::size_t entries = 0;
        std::size_t at = kQuarantineFileHeader;
        while (const auto found = next_quarantine_entry(bytes, at)) {
            ++entries;
            at = found->next;
        }
        return entries;
    };
    REQUIRE(count(file) == 3);
    for (std::size_t size = 0; size <= file.size(); ++size)
        CHECK(count(std::span(file).first(size)) <= 3);
    for (std::size_t bit = kQuarantineFileHeader * 8; bit < file.size() * 8; ++bit) {
        auto flipped = file;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        CHECK(count(flipped) >= 2);  // padding may be hit as well
    }
    for (std::size_t bit = 0; bit < kQuarantineFileHeader * 8; ++bit) {
        auto flipped = file;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        CHECK_FALSE(decode_quarantine_header(flipped).ok());
    }
}

TEST_CASE("quarantine: version 1 is written and read as it always was", "[journal][golden]") {
    CHECK(
        test::hex(encode_quarantine_header(JournalId{{1, 2, 3}})) ==
        "50535146010000000102030000000000000000000000000099050d8800000000"
    );
    const auto record = bytes_of("{}");
    CHECK(
        test::hex(encode_quarantine_entry("lake", {7}, 9, "400: no", record)) ==
        "50535145200000001e5afdace1324339046c616b6507000000000000000900000000000000"
        "073430303a206e6f027b7d"
    );
}

TEST_CASE("quarantine: two sinks may append at once", "[journal][concurrency]") {
    Fixture f;
    const auto store = f.open();
    std::thread other([&] {
        for (std::uint64_t i = 0; i < 20; ++i)
            (void)Fixture::append(*store, "b", i);
    });
    for (std::uint64_t i = 0; i < 20; ++i)
        must(Fixture::append(*store, "a", i));
    other.join();
    CHECK(must(store->list({})).entries.size() == 40);
}

}  // namespace
}  // namespace penstock::journal
