#include "base/posix_disk.h"
#include "support/temp_dir.h"
#include "whole_life.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <vector>

/// Every system call below the real disk, times what the kernel may answer (T3). The linker leads
/// the calls here (--wrap, tests/CMakeLists.txt).
namespace penstock::journal {
namespace {

enum class System : std::uint8_t {
    none,
    open,
    pread,
    pwritev,
    fdatasync,
    fsync,
    ftruncate,
    rename,
    unlink,
    mkdir,
    flock,
    statvfs,
};

constexpr int kShort = -1;  // half of the bytes

/// The call that is to go wrong; on this thread only.
struct Plan {
    System call = System::none;
    std::uint64_t k = 0;
    int answer = 0;  // an errno, or kShort
    std::uint64_t calls = 0;
};
thread_local Plan plan;

bool struck(System call) {
    return plan.call == call && ++plan.calls == plan.k;
}

/// The errno that this call gets; 0: none.
int refused(System call) {
    if (!struck(call) || plan.answer == kShort) return 0;
    errno = plan.answer;
    return plan.answer;
}

}  // namespace
}  // namespace penstock::journal

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names.
extern "C" {
using penstock::journal::kShort;
using penstock::journal::plan;
using penstock::journal::refused;
using penstock::journal::struck;
using penstock::journal::System;

int __real_open(const char* path, int flags, ...);
ssize_t __real_pread(int fd, void* out, size_t size, off_t offset);
ssize_t __real_pwritev(int fd, const iovec* parts, int count, off_t offset);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_ftruncate(int fd, off_t size);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);
int __real_mkdir(const char* path, mode_t mode);
int __real_flock(int fd, int operation);
int __real_statvfs(const char* path, struct statvfs* out);

int __wrap_open(const char* path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return refused(System::open) != 0 ? -1 : __real_open(path, flags, mode);
}

ssize_t __wrap_pread(int fd, void* out, size_t size, off_t offset) {
    if (struck(System::pread)) {
        if (plan.answer == kShort) return __real_pread(fd, out, (size + 1) / 2, offset);
        errno = plan.answer;
        return -1;
    }
    return __real_pread(fd, out, size, offset);
}

ssize_t __wrap_pwritev(int fd, const iovec* parts, int count, off_t offset) {
    if (struck(System::pwritev)) {
        if (plan.answer == kShort) {
            // As the kernel does it: some parts wholly, one in part.
            iovec last = parts[count / 2];
            last.iov_len = (last.iov_len + 1) / 2;
            std::vector<iovec> some(parts, parts + count / 2);
            some.push_back(last);
            return __real_pwritev(fd, some.data(), static_cast<int>(some.size()), offset);
        }
        errno = plan.answer;
        return -1;
    }
    return __real_pwritev(fd, parts, count, offset);
}

int __wrap_fdatasync(int fd) {
    return refused(System::fdatasync) != 0 ? -1 : __real_fdatasync(fd);
}
int __wrap_fsync(int fd) {
    return refused(System::fsync) != 0 ? -1 : __real_fsync(fd);
}
int __wrap_ftruncate(int fd, off_t size) {
    return refused(System::ftruncate) != 0 ? -1 : __real_ftruncate(fd, size);
}
int __wrap_rename(const char* from, const char* to) {
    return refused(System::rename) != 0 ? -1 : __real_rename(from, to);
}
int __wrap_unlink(const char* path) {
    return refused(System::unlink) != 0 ? -1 : __real_unlink(path);
}
int __wrap_mkdir(const char* path, mode_t mode) {
    return refused(System::mkdir) != 0 ? -1 : __real_mkdir(path, mode);
}
int __wrap_flock(int fd, int operation) {
    return refused(System::flock) != 0 ? -1 : __real_flock(fd, operation);
}
int __wrap_statvfs(const char* path, struct statvfs* out) {
    return refused(System::statvfs) != 0 ? -1 : __real_statvfs(path, out);
}
}
// NOLINTEND(bugprone-reserved-identifier)

namespace penstock::journal {
namespace {

using test::WholeLife;

constexpr int kRounds = 14;

struct Answer {
    System call;
    int answer;
    bool unnoticed = false;  // the work goes on as if nothing had been
};

/// A process that ended without a word, and one that meets the answer.
struct Scene {
    explicit Scene(IoMode io, std::uint64_t seed)
        : directory(memory_if_there()), life(posix_disk(), seed) {
        life.bench.options.directory = directory / "data/journal";
        life.bench.options.config.io = io;
        life.patience = 20'000;
        REQUIRE(life.live(kRounds, false));
    }

    /// Synced by nobody, so that thousands of syncs cost nothing.
    static std::filesystem::path memory_if_there() {
        const std::filesystem::path memory = "/dev/shm";
        return ::access(memory.c_str(), W_OK) == 0 ? memory
                                                   : std::filesystem::temp_directory_path();
    }

    test::TempDir directory;
    WholeLife life;
};

std::uint64_t count_calls(IoMode io, System call) {
    Scene scene(io, 1);
    plan = {call, 0, 0, 0};
    REQUIRE(scene.life.live(kRounds, true));
    return std::exchange(plan, {}).calls;
}

void survives(IoMode io, const Answer& answer) {
    const std::uint64_t calls = count_calls(io, answer.call);
    REQUIRE(calls > 0);
    for (std::uint64_t k = 1; k <= calls; ++k) {
        INFO(
            "io " << static_cast<int>(io) << " call " << static_cast<int>(answer.call) << " k " << k
                  << " answer " << answer.answer
        );
        Scene scene(io, k);
        plan = {answer.call, k, answer.answer, 0};
        const bool well = scene.life.live(kRounds, true);
        plan = {};
        if (answer.unnoticed) {
            REQUIRE(well);
            REQUIRE(scene.life.start_and_check() == "");
            REQUIRE(scene.life.bench.journal->recovery().clean);
        } else {
            REQUIRE(scene.life.start_and_check() == "");
        }
        scene.life.end();
        REQUIRE(scene.life.live(2, true));
        REQUIRE(scene.life.start_and_check() == "");
        scene.life.end();
    }
}

TEST_CASE(
    "system calls: one that is interrupted or does half goes on where it was",
    "[journal][crash][T3]"
) {
    const auto io = GENERATE(IoMode::sync, IoMode::automatic);
    for (const Answer& answer : std::vector<Answer>{
             {System::open, EINTR, true},
             {System::pread, EINTR, true},
             {System::pread, kShort, true},
             {System::pwritev, EINTR, true},
             {System::pwritev, kShort, true},
             {System::ftruncate, EINTR, true},
             {System::flock, EINTR, true},
             {System::statvfs, EINTR, true},
         }) {
        survives(io, answer);
    }
}

TEST_CASE(
    "system calls: whichever fails, nothing acknowledged is lost and the next start is not refused",
    "[journal][crash][T3][D01][D17]"
) {
    const auto io = GENERATE(IoMode::sync, IoMode::automatic);
    for (const Answer& answer : std::vector<Answer>{
             {System::open, EIO},
             {System::open, ENOSPC},
             {System::open, EMFILE},
             {System::pread, EIO},
             {System::pwritev, EIO},
             {System::pwritev, ENOSPC},
             {System::fdatasync, EIO},
             {System::fdatasync, ENOSPC},
             {System::fdatasync, EINTR},
             {System::fsync, EIO},
             {System::ftruncate, EIO},
             {System::rename, EIO},
             {System::rename, ENOSPC},
             {System::unlink, EIO},
             {System::flock, EIO},
             {System::statvfs, EIO},
         }) {
        survives(io, answer);
    }
}

TEST_CASE(
    "system calls: a folder whose name may not be on disk is synced by the next who wants it",
    "[journal][crash][T3]"
) {
    const test::TempDir directory;
    plan = {System::fsync, 1, EIO, 0};
    CHECK_FALSE(posix_disk().make_directory(directory / "data").ok());
    plan = {System::fsync, 0, 0, 0};
    CHECK(posix_disk().make_directory(directory / "data").ok());
    CHECK(std::exchange(plan, {}).calls == 1);
}

}  // namespace
}  // namespace penstock::journal
