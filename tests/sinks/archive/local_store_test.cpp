#include "sinks/archive/local_store.h"

#include "support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace {

/// What the calls below were made for, while somebody listens.
std::vector<std::string>* heard = nullptr;

void hear(const std::string& call) {
    if (heard != nullptr) heard->push_back(call);
}

std::string name_of(int fd) {
    std::error_code ignored;
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored);
}

}  // namespace

// The program's own definitions are found before those of the C library: they note the call and
// pass it on.
extern "C" {
int fdatasync(int fd) {
    hear("sync " + name_of(fd));
    return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

int fsync(int fd) {
    hear("sync " + name_of(fd));
    return static_cast<int>(::syscall(SYS_fsync, fd));
}

int renameat2(
    int from_folder, const char* from, int to_folder, const char* to, unsigned flags
) noexcept {
    hear(std::string("rename ") + from + " " + to);
    return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}
}

namespace penstock::sinks {
namespace {

TEST_CASE(
    "local store: an object is synced before it has its name, and the folder after",
    "[sinks][archive][D19]"
) {
    const test::TempDir dir;
    LocalStore store(dir.path(), "j-lake");
    const ArchiveObject object{
        .name = "stream=s/object.ndjson.zst", .bytes = "bytes", .sha256 = "d1"
    };
    std::vector<std::string> calls;
    store.begin(object, false);
    heard = &calls;
    const auto progress = store.poll(0);
    heard = nullptr;
    REQUIRE(progress.done.size() == 1);
    const std::string temporary = dir / ".penstock-j-lake/object";
    const std::string named = dir / "stream=s/object.ndjson.zst";
    REQUIRE(calls.size() >= 3);
    CHECK(
        std::vector(calls.end() - 3, calls.end()) ==
        std::vector<std::string>{
            "sync " + temporary,
            "rename " + temporary + " " + named,
            "sync " + (dir / "stream=s").string(),
        }
    );
}

}  // namespace
}  // namespace penstock::sinks
