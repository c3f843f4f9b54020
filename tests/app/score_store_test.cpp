#include "app/score_store.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

namespace penstock::app {
namespace {

/// A store in a folder of its own, and what a start would find there.
struct Shelf {
    std::filesystem::path directory =
        std::filesystem::temp_directory_path() /
        ("penstock-score-" + std::to_string(std::rand()) + std::to_string(::getpid()));
    JournalId journal{{1, 2, 3}};

    Shelf() { std::filesystem::create_directories(directory); }
    ~Shelf() { std::filesystem::remove_all(directory); }

    struct Found {
        Lsn covered;
        std::map<std::string, std::uint64_t> states;  // state -> LSN
    };
    Found load() {
        ScoreStore store(directory, journal);
        Found found;
        const auto covered = store.load([&](const ScoreSnapshot& part) {
            if (!part.states.empty()) found.states[part.states] = part.lsn.value;
        });
        REQUIRE(covered);
        found.covered = *covered;
        return found;
    }
    void save(std::uint64_t lsn, const std::string& state, bool full) {
        ScoreStore store(directory, journal);
        REQUIRE(store.load([](const ScoreSnapshot&) {}));
        ScoreSnapshot one{{lsn}, state};
        ScoreSnapshot other{{lsn + 5}, {}};
        REQUIRE(store.save({one, other}, full));
    }
    std::vector<std::filesystem::path> files() const {
        std::vector<std::filesystem::path> out;
        for (const auto& entry : std::filesystem::directory_iterator(directory))
            out.push_back(entry.path());
        std::sort(out.begin(), out.end());
        return out;
    }
};

}  // namespace

TEST_CASE(
    "score store: changes come back on top of the full checkpoint, covered up to the slowest shard",
    "[app][score]"
) {
    Shelf shelf;
    CHECK(shelf.load().covered == Lsn{0});
    shelf.save(10, "a1", true);
    shelf.save(20, "a2", false);
    const auto found = shelf.load();
    CHECK(found.covered == Lsn{20});
    CHECK(found.states.at("a1") == 10);
    CHECK(found.states.at("a2") == 20);
}

TEST_CASE("score store: a full checkpoint removes what it replaces", "[app][score]") {
    Shelf shelf;
    shelf.save(10, "a1", true);
    shelf.save(20, "a2", false);
    shelf.save(30, "a3", true);
    CHECK(shelf.files().size() == 1);
    CHECK(shelf.load().states.size() == 1);
}

TEST_CASE(
    "score store: a damaged file is left out and so are the changes behind it", "[app][score]"
) {
    Shelf shelf;
    shelf.save(10, "a1", true);
    shelf.save(20, "a2", false);
    shelf.save(30, "a3", false);
    const auto middle = shelf.files().at(1);
    const auto size = std::filesystem::file_size(middle);
    for (std::uintmax_t keep = 0; keep < size; keep += 7) {
        std::filesystem::resize_file(middle, keep);
        CHECK(shelf.load().covered == Lsn{0});
    }
}

TEST_CASE("score store: checkpoints of another journal do not count", "[app][score]") {
    Shelf shelf;
    shelf.save(10, "a1", true);
    shelf.journal.bytes[0] = 9;
    const auto found = shelf.load();
    CHECK(found.covered == Lsn{0});
    CHECK(found.states.empty());
}

TEST_CASE("score store: foreign and temporary files are ignored", "[app][score]") {
    Shelf shelf;
    shelf.save(10, "a1", true);
    for (const auto* name :
         {"checkpoint-.state",
          "checkpoint-x.state",
          "notes",
          "checkpoint-00000000000000000009.state.tmp"}) {
        std::ofstream(shelf.directory / name) << "x";
    }
    CHECK(shelf.load().covered == Lsn{10});
}

}  // namespace penstock::app
