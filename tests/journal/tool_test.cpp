#include "journal/tool.h"

#include "base/metrics.h"
#include "base/posix_disk.h"
#include "journal/cursor.h"
#include "journal/format.h"
#include "journal/index_keeper.h"
#include "journal/segment_files.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace penstock::journal {
namespace {

using test::must;
using test::record_of;
using test::SegmentFiles;

/// Two sealed segments (LSN 1-3, 4-5) and a cleanly closed one (6).
struct Fixture {
    Fixture() : files(posix_disk(), directory / "journal") {
        files.begin();
        files.add({record_of("a", 1, R"({"v":1})"), record_of("b", 2, R"({"v":2})")});
        first_frame_end = files.last_frame + 4096;
        files.add({record_of("a", 3, R"({"v":3})")});
        second_frame = files.last_frame;
        files.seal();
        files.begin();
        files.add({record_of("a", 4, R"({"v":4})"), record_of("b", 5, R"({"v":5})")});
        files.seal();
        files.begin();
        files.add({record_of("a", 6, R"({"v":6})")});
        files.seal(SealCause::closed);
        options.directory = directory / "journal";
    }
    using Work = int (*)(const ToolOptions&, Disk&, std::ostream&, std::ostream&);
    int run(Work work) {
        out.str({});
        problems.str({});
        return work(options, posix_disk(), out, problems);
    }
    void save_cursor(std::uint64_t lsn) {
        CursorStore::Options store;
        store.directory = options.directory / kCursorFolder;
        store.journal = files.journal;
        store.recovered = {1000};
        store.durable = [] { return Lsn{1000}; };
        metrics::Registry registry;
        const auto cursors = must(CursorStore::open(store, posix_disk(), system_clock(), registry));
        must(must(cursors->attach("lake"))->save(Confirmed::chosen({lsn})));
    }
    [[nodiscard]] bool said(std::string_view text) const {
        return out.str().find(text) != std::string::npos ||
               problems.str().find(text) != std::string::npos;
    }
    [[nodiscard]] std::size_t lines() const {
        const auto text = out.str();
        return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    }

    test::TempDir directory;
    SegmentFiles files;
    ToolOptions options;
    std::ostringstream out;
    std::ostringstream problems;
    std::uint64_t first_frame_end = 0;
    std::uint64_t second_frame = 0;
};

TEST_CASE("journal tool: ls shows segments, their LSNs and the cursors", "[journal][tool]") {
    Fixture f;
    f.save_cursor(4);
    CHECK(f.run(list_journal) == kToolOk);
    CHECK(f.said("3 segments"));
    CHECK(f.said("lake"));
    CHECK(f.said(f.files.journal.text()));
    f.options.directory = f.directory / "nowhere";
    CHECK(f.run(list_journal) == kToolUnreadable);
}

TEST_CASE("journal tool: check passes a sound journal", "[journal][tool]") {
    Fixture f;
    f.save_cursor(6);
    CHECK(f.run(check_journal) == kToolOk);
    CHECK(f.said("3 segments, 4 frames, 6 records, 0 problems"));
    CHECK(f.problems.str().empty());
}

TEST_CASE(
    "journal tool: check notices every flipped bit of a sealed segment", "[journal][tool][D13]"
) {
    Fixture f;
    // Padding holds nothing; all else is covered by a checksum.
    const std::uint64_t frame = sizeof(FrameHeader) + record_of("a", 3, R"({"v":3})").size();
    const std::vector<std::pair<std::uint64_t, std::uint64_t>> covered{
        {0, sizeof(SegmentHeader)},
        {kBlock, sizeof(SegmentHeader)},
        {f.second_frame, frame},
    };
    for (const auto& [from, bytes] : covered) {
        for (std::uint64_t byte = from; byte < from + bytes; byte += 3) {
            f.files.flip(1, byte, static_cast<unsigned>(byte % 8));
            CHECK(f.run(check_journal) == kToolDamaged);
            f.files.flip(1, byte, static_cast<unsigned>(byte % 8));
        }
    }
    CHECK(f.run(check_journal) == kToolOk);
    CHECK(f.said("0 problems"));
    const auto footer = f.files.segments.all()[0].bytes - kBlock;
    for (std::uint64_t byte = footer; byte < footer + sizeof(SegmentFooter); byte += 3) {
        f.files.flip(1, byte, static_cast<unsigned>(byte % 8));
        CHECK(f.run(check_journal) == kToolOk);  // no record hangs on it
        CHECK(f.said("its footer is damaged"));
        f.files.flip(1, byte, static_cast<unsigned>(byte % 8));
    }
}

TEST_CASE(
    "journal tool: check names a missing segment and a cursor that is ahead", "[journal][tool][D12]"
) {
    Fixture f;
    f.save_cursor(7);
    CHECK(f.run(check_journal) == kToolDamaged);
    CHECK(f.said("cursor of lake"));
    f.save_cursor(1);
    std::filesystem::remove(f.files.segments.all()[1].path);
    CHECK(f.run(check_journal) == kToolDamaged);
    CHECK(f.said("LSN 4 to 5 is missing"));
}

TEST_CASE(
    "journal tool: check notices that the newest segment is missing", "[journal][tool][D12]"
) {
    Fixture f;
    std::filesystem::remove(f.files.segments.all()[2].path);
    CHECK(f.run(check_journal) == kToolDamaged);
    CHECK(f.said("starts at LSN 6 is missing"));
}

TEST_CASE(
    "journal tool: a prepared segment is no damage, one without a header is", "[journal][tool]"
) {
    Fixture f;
    const auto path = f.options.directory / segment_name(9);
    std::ofstream(path) << std::string(64 * 1024, '\0');
    CHECK(f.run(check_journal) == kToolOk);
    CHECK(f.said("3 segments"));
    f.files.flip(9, 40'000);
    CHECK(f.run(check_journal) == kToolDamaged);
    CHECK(f.said("both copies of its header are gone"));
}

TEST_CASE("journal tool: a torn tail is a note, not damage", "[journal][tool][D04]") {
    Fixture f;
    f.files.begin();
    f.files.add({record_of("a", 7)});
    f.files.flip(4, f.files.last_frame + 200);
    CHECK(f.run(check_journal) == kToolOk);
    CHECK(f.said("torn tail"));
}

TEST_CASE("journal tool: dump prints records as JSON lines", "[journal][tool]") {
    Fixture f;
    CHECK(f.run(dump_journal) == kToolOk);
    CHECK(f.lines() == 6);
    CHECK(f.out.str().starts_with(R"({"v":1,)"));
    f.options.from = {2};
    f.options.to = {4};
    CHECK(f.run(dump_journal) == kToolOk);
    CHECK(f.lines() == 3);
    f.options.device = "b";
    CHECK(f.run(dump_journal) == kToolOk);
    CHECK(f.lines() == 1);
    CHECK(f.said(R"("lsn":2)"));
}

TEST_CASE("journal tool: dump passes over damage, and says so", "[journal][tool][D18]") {
    Fixture f;
    f.files.flip(1, f.second_frame + 200);
    CHECK(f.run(dump_journal) == kToolDamaged);
    CHECK(f.lines() == 5);
    f.files.flip(1, f.second_frame + 8);
    CHECK(f.run(dump_journal) == kToolDamaged);
    CHECK(f.lines() == 5);
    CHECK(f.said("the frame of LSN 3"));
}

TEST_CASE("journal tool: repair builds missing and bad indexes", "[journal][tool][D15]") {
    Fixture f;
    const auto path = index_path(f.files.segments.all()[0].path);
    std::ofstream(path) << "garbage";
    std::ofstream(f.options.directory / "00000000000000000099.segment.index") << "stray";
    CHECK(f.run(repair_journal) == kToolOk);
    CHECK(f.said("built the index"));
    CHECK(f.said("removed or passed over 00000000000000000099.segment.index"));
    CHECK(must(open_index(posix_disk(), f.files.segments.all()[0], f.files.journal))->verify().ok()
    );
    CHECK(f.run(repair_journal) == kToolOk);
    CHECK(f.said("nothing to repair"));
    CHECK(f.run(check_journal) == kToolOk);
    CHECK(f.said("0 notes"));
}

TEST_CASE(
    "journal tool: repair gives up acknowledged records only when told", "[journal][tool][D18]"
) {
    Fixture f;
    f.files.flip(1, f.second_frame + 200);
    CHECK(f.run(repair_journal) == kToolDamaged);
    CHECK(f.said("--accept-loss"));
    CHECK(f.run(check_journal) == kToolDamaged);
    f.options.accept_loss = true;
    CHECK(f.run(repair_journal) == kToolOk);
    CHECK(f.said("gave up acknowledged records 3 to 3"));
    CHECK(f.run(check_journal) == kToolOk);
    CHECK(std::filesystem::exists(f.options.directory / kQuarantineFolder));
    CHECK(f.run(dump_journal) == kToolOk);
    CHECK(f.lines() == 5);
}

TEST_CASE("journal tool: repair mends one bad header copy without a loss", "[journal][tool]") {
    Fixture f;
    f.files.flip(1, 20);
    CHECK(f.run(check_journal) == kToolDamaged);
    CHECK(f.run(repair_journal) == kToolOk);
    CHECK(f.run(check_journal) == kToolOk);
    CHECK(f.run(dump_journal) == kToolOk);
    CHECK(f.lines() == 6);
}

TEST_CASE(
    "journal tool: repair writes a damaged footer again without a loss", "[journal][tool][D13]"
) {
    Fixture f;
    f.files.flip(1, f.files.segments.all()[0].bytes - kBlock + 60);
    CHECK(f.run(repair_journal) == kToolOk);
    INFO(f.out.str() + f.problems.str());
    CHECK_FALSE(f.said("gave up"));
    CHECK(f.run(check_journal) == kToolOk);
    CHECK(f.run(dump_journal) == kToolOk);
    CHECK(f.lines() == 6);
}

TEST_CASE("journal tool: repair cuts a torn tail", "[journal][tool][D04]") {
    Fixture f;
    f.files.begin();
    f.files.add({record_of("a", 7)});
    f.files.add({record_of("a", 8)});
    f.files.flip(4, f.files.last_frame + 200);
    CHECK(f.run(repair_journal) == kToolOk);
    CHECK(f.said("cut a torn tail"));
    CHECK(f.run(dump_journal) == kToolOk);
    CHECK(f.lines() == 7);
}

TEST_CASE("journal tool: repair refuses while a daemon holds the journal", "[journal][tool][D21]") {
    Fixture f;
    const auto lock = must(posix_disk().lock(f.options.directory / kLockName));
    CHECK(f.run(repair_journal) == kToolDamaged);
    CHECK(f.said("a daemon holds this journal"));
    CHECK(f.run(check_journal) == kToolOk);
}

}  // namespace
}  // namespace penstock::journal
