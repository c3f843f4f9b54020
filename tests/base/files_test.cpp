#include "base/files.h"

#include "support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

using namespace penstock;
using test::TempDir;

namespace {

unsigned mode_of(const std::filesystem::path& path) {
    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 07777U;
}

void write_plain(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("files: what was written durably reads back, mode 0600, no temporary left", "[files]") {
    const TempDir dir;
    REQUIRE(files::write_durably(dir / "cursor", "one").ok());
    REQUIRE(files::write_durably(dir / "cursor", std::string("two\0x", 5)).ok());
    CHECK(files::read(dir / "cursor", 100).value() == std::string("two\0x", 5));
    CHECK(mode_of(dir / "cursor") == 0600);
    CHECK(files::list(dir.path()).value() == std::vector<std::string>{"cursor"});
}

TEST_CASE("files: a write that fails leaves the old content", "[files]") {
    const TempDir dir;
    REQUIRE(files::make_private_directory(dir / "cursor").ok());
    write_plain(dir / "cursor" / "x", "held");
    const Status status = files::write_durably(dir / "cursor", "new");  // a folder is in the way
    REQUIRE_FALSE(status.ok());
    CHECK(files::list(dir.path()).value() == std::vector<std::string>{"cursor"});
    CHECK_FALSE(files::write_durably(dir / "no" / "such", "x").ok());
}

TEST_CASE("files: a file larger than the bound is refused, one as large is read", "[files]") {
    const TempDir dir;
    write_plain(dir / "f", std::string(10'000, 'x'));
    CHECK(files::read(dir / "f", 10'000).value().size() == 10'000);
    const auto larger = files::read(dir / "f", 9'999);
    REQUIRE_FALSE(larger.ok());
    CHECK(larger.error().code == Errc::too_large);
}

TEST_CASE("files: a missing file, a folder and a FIFO are told apart from content", "[files]") {
    const TempDir dir;
    const auto missing = files::read(dir / "none", 10);
    REQUIRE_FALSE(missing.ok());
    CHECK(missing.error().code == Errc::not_found);
    CHECK(
        missing.error().message ==
        "cannot open " + (dir / "none").string() + ": No such file or directory"
    );
    CHECK_FALSE(files::read(dir.path(), 10).ok());
    REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
    CHECK_FALSE(files::read(dir / "fifo", 10).ok());
}

TEST_CASE("files: folders are made private with all above them", "[files]") {
    const TempDir dir;
    REQUIRE(files::make_private_directory(dir / "a" / "b").ok());
    REQUIRE(files::make_private_directory(dir / "a" / "b").ok());
    CHECK(mode_of(dir / "a") == 0700);
    CHECK(mode_of(dir / "a" / "b") == 0700);
    write_plain(dir / "file", "x");
    CHECK_FALSE(files::make_private_directory(dir / "file").ok());
    CHECK_FALSE(files::make_private_directory("").ok());
}

TEST_CASE("files: a listing is sorted and bounded", "[files]") {
    const TempDir dir;
    for (const char* name : {"c", "a", "b"})
        write_plain(dir / name, "");
    CHECK(files::list(dir.path()).value() == std::vector<std::string>{"a", "b", "c"});
    CHECK(files::list(dir.path(), 2).error().code == Errc::too_large);
}

TEST_CASE("files: removing what is not there succeeds", "[files]") {
    const TempDir dir;
    write_plain(dir / "f", "");
    CHECK(files::remove(dir / "f").ok());
    CHECK(files::remove(dir / "f").ok());
    CHECK_FALSE(files::exists(dir / "f"));
}

TEST_CASE("files: names of unfinished writes are known", "[files]") {
    CHECK(files::is_temporary_name(".cursor.tmp-12-3"));
    CHECK_FALSE(files::is_temporary_name("cursor"));
    CHECK_FALSE(files::is_temporary_name("cursor.tmp-1"));
}
