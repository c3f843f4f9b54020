#include "base/posix_disk.h"

#include "support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <string_view>

namespace penstock {
namespace {

using test::TempDir;

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

unsigned mode_of(const std::filesystem::path& path) {
    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 0777U;
}

TEST_CASE("posix disk: files are 0600 and folders 0700 whatever the umask", "[base][disk][D23]") {
    const TempDir dir;
    const mode_t before = ::umask(0);
    REQUIRE(posix_disk().make_directory(dir / "a/b").ok());
    REQUIRE(posix_disk().open(dir / "a/b/file", OpenMode::create).ok());
    REQUIRE(posix_disk().lock(dir / "a/lock").ok());
    ::umask(before);
    CHECK(mode_of(dir / "a") == 0700);
    CHECK(mode_of(dir / "a/b") == 0700);
    CHECK(mode_of(dir / "a/b/file") == 0600);
    CHECK(mode_of(dir / "a/lock") == 0600);
}

TEST_CASE("posix disk: what is written in parts is read back, short at the end", "[base][disk]") {
    const TempDir dir;
    auto file = posix_disk().open(dir / "file", OpenMode::create);
    REQUIRE(file.ok());
    const std::array parts{bytes_of("pen"), bytes_of("stock")};
    REQUIRE((*file)->write(ByteSpans(parts), 2).ok());
    REQUIRE((*file)->sync().ok());
    std::array<std::byte, 32> out{};
    auto got = (*file)->read(out, 2);
    REQUIRE(got.ok());
    CHECK(*got == 8);
    CHECK(std::ranges::equal(std::span(out).first(8), bytes_of("penstock")));
    CHECK(*(*file)->size() == 10);
    REQUIRE((*file)->resize(3).ok());
    CHECK(*(*file)->size() == 3);
}

TEST_CASE("posix disk: a file for commits writes through to the device", "[base][disk][D01]") {
    const TempDir dir;
    REQUIRE(posix_disk().open(dir / "file", OpenMode::create).ok());
    const auto file = posix_disk().open(dir / "file", OpenMode::direct);
    if (!file.ok()) {
        WARN("no O_DIRECT here: " << file.error().message);
        return;
    }
    const int flags = ::fcntl((*file)->native_handle(), F_GETFL);
    CHECK((flags & O_DIRECT) == O_DIRECT);
    CHECK((flags & O_DSYNC) == O_DSYNC);
}

TEST_CASE("posix disk: failures say what kind they are", "[base][disk]") {
    const TempDir dir;
    CHECK(posix_disk().open(dir / "none", OpenMode::read).error().code == Errc::not_found);
    REQUIRE(posix_disk().open(dir / "file", OpenMode::create).ok());
    CHECK(posix_disk().open(dir / "file", OpenMode::create).error().code == Errc::conflict);
    CHECK(posix_disk().remove(dir / "none").error().code == Errc::not_found);
    CHECK(posix_disk().list(dir / "none").error().code == Errc::not_found);
}

TEST_CASE("posix disk: rename replaces, list is sorted and tells plain files", "[base][disk]") {
    const TempDir dir;
    REQUIRE(posix_disk().open(dir / "b", OpenMode::create).ok());
    REQUIRE(posix_disk().open(dir / "a", OpenMode::create).ok());
    REQUIRE(posix_disk().make_directory(dir / "c").ok());
    REQUIRE(posix_disk().rename(dir / "b", dir / "a").ok());
    REQUIRE(posix_disk().sync_directory(dir.path()).ok());
    const auto entries = posix_disk().list(dir.path());
    REQUIRE(entries.ok());
    REQUIRE(entries->size() == 2);
    CHECK((*entries)[0].name == "a");
    CHECK((*entries)[0].regular);
    CHECK((*entries)[1].name == "c");
    CHECK_FALSE((*entries)[1].regular);
    CHECK(posix_disk().space(dir.path())->total > 0);
}

TEST_CASE("posix disk: a second lock is refused until the first is gone", "[base][disk][D21]") {
    const TempDir dir;
    auto first = posix_disk().lock(dir / "lock");
    REQUIRE(first.ok());
    CHECK(posix_disk().lock(dir / "lock").error().code == Errc::conflict);
    first = Error{Errc::cancelled, "released"};
    CHECK(posix_disk().lock(dir / "lock").ok());
}

TEST_CASE("posix disk: the lock of a killed process is free at once", "[base][disk][D21]") {
    const TempDir dir;
    std::array<int, 2> held{};
    REQUIRE(::pipe(held.data()) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const auto lock = posix_disk().lock(dir / "lock");
        const char answer = lock.ok() ? 'y' : 'n';
        [[maybe_unused]] const auto written = ::write(held[1], &answer, 1);
        for (;;)
            ::pause();
    }
    char answer = 0;
    REQUIRE(::read(held[0], &answer, 1) == 1);
    CHECK(answer == 'y');
    CHECK(posix_disk().lock(dir / "lock").error().code == Errc::conflict);
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    CHECK(posix_disk().lock(dir / "lock").ok());
    ::close(held[0]);
    ::close(held[1]);
}

}  // namespace
}  // namespace penstock
