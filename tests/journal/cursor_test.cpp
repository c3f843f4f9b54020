#include "journal/cursor.h"

#include "base/metrics.h"
#include "base/posix_disk.h"
#include "journal/segment_files.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>

namespace penstock::journal {
namespace {

using test::must;

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

Confirmed confirmed(std::uint64_t lsn) {
    SinkProgress progress;
    progress.safe = {lsn};
    return Confirmed::by(progress);
}

JournalId id_of(std::uint8_t byte) {
    JournalId id;
    id.bytes.fill(byte);
    return id;
}

CursorImage sample() {
    CursorImage image;
    image.journal = id_of(7);
    image.sink = "lake";
    image.generation = 9;
    image.lsn = {1234};
    image.saved_at = 1'767'323'045 * kSecond;
    image.state = bytes_of("window 1000-1999");
    return image;
}

struct Fixture {
    [[nodiscard]] std::unique_ptr<CursorStore> open(Lsn recovered = {1000}) {
        CursorStore::Options options;
        options.directory = directory.path();
        options.journal = id;
        options.recovered = recovered;
        options.durable = [this] { return durable; };
        return must(CursorStore::open(options, posix_disk(), system_clock(), registry));
    }
    void overwrite(std::string_view name, const std::vector<std::byte>& bytes) const {
        std::ofstream out(directory / name, std::ios::binary | std::ios::trunc);
        out.write(
            reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())
        );
    }

    test::TempDir directory;
    JournalId id = id_of(1);
    Lsn durable{1000};
    metrics::Registry registry;
};

TEST_CASE("cursor: version 1 reads as it was written", "[journal][golden]") {
    const auto bytes = encode_cursor(sample());
    CHECK(
        test::hex(bytes) ==
        "50534355010000000707070707070707070707070707070704"
        "6c616b65"
        "0900000000000000d2040000000000000032961cf2ca8618"
        "1077696e646f7720313030302d31393939"
        "d416c177"
    );
    const auto image = must(decode_cursor(bytes));
    CHECK(image.sink == "lake");
    CHECK(image.lsn == Lsn{1234});
    CHECK(image.state == sample().state);
}

TEST_CASE("cursor: no truncated or flipped file is taken for a cursor", "[journal][D13][D15]") {
    const auto bytes = encode_cursor(sample());
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(decode_cursor(std::span(bytes).first(size)).ok());
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        auto flipped = bytes;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        CHECK_FALSE(decode_cursor(flipped).ok());
    }
}

TEST_CASE("cursor: a version from the future is refused by name", "[journal]") {
    auto bytes = encode_cursor(sample());
    bytes[4] = std::byte{2};
    CHECK(decode_cursor(bytes).error().code == Errc::unsupported);
}

TEST_CASE("cursor: position and state survive a restart", "[journal]") {
    Fixture f;
    {
        const auto store = f.open();
        const auto cursor = must(store->attach("events"));
        CHECK(cursor->fresh());
        must(cursor->save(confirmed(10), bytes_of("plan")));
        must(cursor->save(confirmed(20)));
    }
    const auto store = f.open();
    const auto cursor = must(store->attach("events"));
    CHECK_FALSE(cursor->fresh());
    CHECK(cursor->lsn() == Lsn{20});
    CHECK(std::vector(cursor->state().begin(), cursor->state().end()) == bytes_of("plan"));
}

TEST_CASE("cursor: a bad newest generation falls back to the one before", "[journal][D15]") {
    Fixture f;
    must(must(f.open()->attach("s"))->save(confirmed(0)));
    {
        const auto store = f.open();
        const auto cursor = must(store->attach("s"));
        must(cursor->save(confirmed(10)));
        must(cursor->save(confirmed(20)));  // generation 3: slot 1
    }
    std::ifstream in(f.directory / "s.cursor.1", std::ios::binary);
    const std::string whole((std::istreambuf_iterator<char>(in)), {});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        f.overwrite("s.cursor.1", bytes_of(whole.substr(0, size)));
        const auto store = f.open();
        CHECK(must(store->attach("s"))->lsn() == Lsn{10});
    }
    std::filesystem::remove(f.directory / "s.cursor.1");
    const auto store = f.open();
    const auto cursor = must(store->attach("s"));
    CHECK(cursor->lsn() == Lsn{10});
    must(cursor->save(confirmed(30)));
    CHECK(must(f.open()->attach("s"))->lsn() == Lsn{30});
}

TEST_CASE(
    "cursor: with no file that can be read a sink begins at the oldest record", "[journal][D15]"
) {
    Fixture f;
    f.overwrite("s.cursor.0", {});
    f.overwrite("s.cursor.1", bytes_of("garbage"));
    const auto store = f.open();
    const auto cursor = must(store->attach("s"));
    CHECK(cursor->fresh());
    CHECK(cursor->lsn() == Lsn{0});
    CHECK(f.registry.value("penstock_journal_cursor_unreadable_total") == 2);
}

TEST_CASE("cursor: of another journal is refused, with the remedy", "[journal]") {
    Fixture f;
    must(must(f.open()->attach("s"))->save(confirmed(10)));
    f.id = id_of(2);
    const auto store = f.open();
    const auto refused = store->attach("s");
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::conflict);
    CHECK(refused.error().message.find("s.cursor.") != std::string::npos);
    CHECK(must(CursorStore::highest_seen(posix_disk(), f.directory.path(), f.id)) == Lsn{0});
}

TEST_CASE(
    "cursor: beyond the journal is set back and counted; its LSN is known to who gives LSNs",
    "[journal][D06]"
) {
    Fixture f;
    must(must(f.open()->attach("s"))->save(confirmed(900)));
    CHECK(must(CursorStore::highest_seen(posix_disk(), f.directory.path(), f.id)) == Lsn{900});
    const auto store = f.open({800});
    CHECK(must(store->attach("s"))->lsn() == Lsn{800});
    CHECK(f.registry.value("penstock_journal_cursor_ahead_total") == 1);
}

TEST_CASE(
    "cursor: is never ahead of what is durable, and goes back only when that is chosen",
    "[journal][D06][S13]"
) {
    Fixture f;
    const auto store = f.open();
    const auto cursor = must(store->attach("s"));
    CHECK(cursor->save(confirmed(1001)).error().code == Errc::invalid_argument);
    must(cursor->save(confirmed(500)));
    CHECK(cursor->save(confirmed(499)).error().code == Errc::invalid_argument);
    CHECK(cursor->lsn() == Lsn{500});
    must(cursor->save(Confirmed::chosen({100})));
    CHECK(cursor->lsn() == Lsn{100});
    CHECK(
        cursor->save(confirmed(600), std::vector<std::byte>(kCursorStateMax + 1)).error().code ==
        Errc::too_large
    );
    must(cursor->save(confirmed(600), std::vector<std::byte>(kCursorStateMax)));
    CHECK(must(f.open()->attach("s"))->state().size() == kCursorStateMax);
}

TEST_CASE("cursor: two sinks of one kind keep apart, and one can go", "[journal][S14]") {
    Fixture f;
    const auto store = f.open();
    const auto a = must(store->attach("kafka-a"));
    const auto b = must(store->attach("kafka-b"));
    must(a->save(confirmed(10)));
    must(b->save(confirmed(20)));
    CHECK(store->lowest() == Lsn{10});
    CHECK(store->remove("kafka-a").error().code == Errc::conflict);
    store->detach("kafka-a");
    CHECK(store->lowest() == Lsn{20});
    auto infos = must(store->list());
    REQUIRE(infos.size() == 2);
    CHECK_FALSE(infos[0].attached);
    CHECK(infos[1].attached);
    must(store->remove("kafka-a"));
    infos = must(store->list());
    REQUIRE(infos.size() == 1);
    CHECK(infos[0].sink == "kafka-b");
    CHECK(infos[0].lsn == Lsn{20});
}

TEST_CASE("cursor: temporary and foreign files are no cursors", "[journal][D14]") {
    Fixture f;
    f.overwrite("s.cursor.1.tmp", bytes_of("half"));
    f.overwrite("readme", bytes_of("hello"));
    f.overwrite("s.cursor.2", bytes_of("hello"));
    const auto store = f.open();
    CHECK_FALSE(std::filesystem::exists(f.directory / "s.cursor.1.tmp"));
    CHECK(std::filesystem::exists(f.directory / "readme"));
    CHECK(must(store->list()).empty());
    CHECK(must(store->attach("s"))->fresh());
}

TEST_CASE("cursor: a sink's name cannot leave the folder", "[journal][A09]") {
    Fixture f;
    const auto store = f.open();
    for (const auto* name : {"", "../x", "a/b", ".hidden", "a b", "x.tmp", "\n"})
        CHECK(store->attach(name).error().code == Errc::invalid_argument);
}

}  // namespace
}  // namespace penstock::journal
