#include "base/posix_disk.h"

#include "base/posix_error.h"
#include "base/uring_queue.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace penstock {

namespace {

/// Closes what it holds.
/// Threads: owner.
class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_;
};

template <class Call>
auto retried(Call call) {
    auto result = call();
    while (result < 0 && errno == EINTR)
        result = call();
    return result;
}

class PosixFile final : public DiskFile {
public:
    PosixFile(Descriptor fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

    Result<std::size_t> read(std::span<std::byte> out, std::uint64_t offset) override {
        std::size_t got = 0;
        while (got < out.size()) {
            const auto rest = out.subspan(got);
            const ssize_t n = retried([&] {
                return ::pread(
                    fd_.get(), rest.data(), rest.size(), static_cast<off_t>(offset + got)
                );
            });
            if (n < 0) return failed("read");
            if (n == 0) break;
            got += static_cast<std::size_t>(n);
        }
        return got;
    }

    Status write(ByteSpans parts, std::uint64_t offset) override {
        std::vector<iovec> vectors;
        vectors.reserve(std::min<std::size_t>(parts.size(), IOV_MAX));
        std::size_t written = 0;  // of parts.front()
        while (pass_written(parts, written)) {
            vectors.clear();
            for (auto part : parts.first(std::min<std::size_t>(parts.size(), IOV_MAX))) {
                if (vectors.empty()) part = part.subspan(written);
                // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): iovec has no const, a
                // write does not change it.
                vectors.push_back({const_cast<std::byte*>(part.data()), part.size()});
            }
            const ssize_t n = retried([&] {
                return ::pwritev(
                    fd_.get(),
                    vectors.data(),
                    static_cast<int>(vectors.size()),
                    static_cast<off_t>(offset)
                );
            });
            if (n < 0) return failed("write");
            // A short write is how a disk that becomes full begins to say so: the next call tells
            // why.
            if (n == 0) return Error{Errc::io, "write " + name_ + ": nothing was written"};
            written += static_cast<std::size_t>(n);
            offset += static_cast<std::uint64_t>(n);
        }
        return {};
    }

    Status sync() override {
        // Not retried on EINTR either: after an error nothing is known about what was written.
        if (::fdatasync(fd_.get()) != 0) return failed("fdatasync");
        return {};
    }

    Result<std::uint64_t> size() override {
        struct stat info{};
        if (::fstat(fd_.get(), &info) != 0) return failed("stat");
        return static_cast<std::uint64_t>(info.st_size);
    }

    Status resize(std::uint64_t size) override {
        if (retried([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) != 0) {
            return failed("truncate");
        }
        return {};
    }

    void drop_cache() noexcept override { ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED); }
    int native_handle() const noexcept override { return fd_.get(); }

private:
    /// Leaves what is not written yet. False: all is.
    static bool pass_written(ByteSpans& parts, std::size_t& written) noexcept {
        while (!parts.empty() && written >= parts.front().size()) {
            written -= parts.front().size();
            parts = parts.subspan(1);
        }
        return !parts.empty();
    }

    [[nodiscard]] Error failed(const char* verb) const {
        return posix_error(errno, std::string(verb) + " " + name_);
    }

    Descriptor fd_;
    std::string name_;
};

class PosixLock final : public DiskLock {
public:
    explicit PosixLock(Descriptor fd) : fd_(std::move(fd)) {}

private:
    Descriptor fd_;
};

int flags_of(OpenMode mode) {
    switch (mode) {
        case OpenMode::read:
            return O_RDONLY;
        case OpenMode::write:
            return O_RDWR;
        case OpenMode::create:
            return O_RDWR | O_CREAT | O_EXCL;
        case OpenMode::direct:
            return O_RDWR | O_DIRECT | O_DSYNC;
    }
    return O_RDONLY;
}

class PosixDisk final : public Disk {
public:
    Result<DiskFilePtr> open(const Path& path, OpenMode mode) override {
        Descriptor fd(retried([&] { return ::open(path.c_str(), flags_of(mode) | O_CLOEXEC, 0600); }
        ));
        if (fd.get() < 0) return posix_error(errno, "open " + path.string());
        if (mode == OpenMode::create && ::fchmod(fd.get(), 0600) != 0) {
            return posix_error(errno, "chmod " + path.string());
        }
        return DiskFilePtr(std::make_shared<PosixFile>(std::move(fd), path.string()));
    }

    Status rename(const Path& from, const Path& to) override {
        if (::rename(from.c_str(), to.c_str()) == 0) return {};
        return posix_error(errno, "rename " + from.string());
    }

    Status remove(const Path& path) override {
        if (::unlink(path.c_str()) == 0) return {};
        return posix_error(errno, "remove " + path.string());
    }

    Status sync_directory(const Path& path) override {
        const Descriptor fd(retried([&] {
            return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        }));
        if (fd.get() < 0) return posix_error(errno, "open " + path.string());
        if (::fsync(fd.get()) != 0) return posix_error(errno, "fsync " + path.string());
        return {};
    }

    Status make_directory(const Path& path) override {
        if (path.empty()) return {};
        const Path parent = path.has_parent_path() ? path.parent_path() : Path(".");
        if (::mkdir(path.c_str(), 0700) == 0) {
            if (::chmod(path.c_str(), 0700) != 0)
                return posix_error(errno, "chmod " + path.string());
            return sync_directory(parent);
        }
        const int error = errno;
        if (error == EEXIST) {
            // Whoever made it may have failed to sync its name. What may not be read was not made
            // by us.
            Status synced = sync_directory(parent);
            if (!synced.ok() && synced.error().code == Errc::denied) return {};
            return synced;
        }
        if (error != ENOENT || path.parent_path() == path) {
            return posix_error(error, "make folder " + path.string());
        }
        PS_CHECK(make_directory(path.parent_path()));
        return make_directory(path);
    }

    Result<std::vector<DiskEntry>> list(const Path& path) override {
        DIR* const folder = ::opendir(path.c_str());
        if (folder == nullptr) return posix_error(errno, "list " + path.string());
        const std::unique_ptr<DIR, int (*)(DIR*)> owner(folder, &::closedir);
        std::vector<DiskEntry> entries;
        for (;;) {
            errno = 0;
            // NOLINTNEXTLINE(concurrency-mt-unsafe): safe on a stream of one's own (POSIX.1-2024).
            const dirent* const entry = ::readdir(folder);
            if (entry == nullptr) break;
            const std::string_view name = entry->d_name;
            if (name == "." || name == "..") continue;
            struct stat info{};
            if (::fstatat(::dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
                if (errno == ENOENT) continue;
                return posix_error(errno, "stat in " + path.string());
            }
            entries.push_back(
                {std::string(name), static_cast<std::uint64_t>(info.st_size), S_ISREG(info.st_mode)}
            );
        }
        if (errno != 0) return posix_error(errno, "list " + path.string());
        std::ranges::sort(entries, {}, &DiskEntry::name);
        return entries;
    }

    Result<DiskSpace> space(const Path& path) override {
        struct statvfs info{};
        if (retried([&] { return ::statvfs(path.c_str(), &info); }) != 0) {
            return posix_error(errno, "statvfs " + path.string());
        }
        return DiskSpace{info.f_blocks * info.f_frsize, info.f_bavail * info.f_frsize};
    }

    Result<std::unique_ptr<DiskLock>> lock(const Path& path) override {
        Descriptor fd(retried([&] {
            return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        }));
        if (fd.get() < 0) return posix_error(errno, "open " + path.string());
        if (::fchmod(fd.get(), 0600) != 0) return posix_error(errno, "chmod " + path.string());
        if (retried([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) != 0) {
            if (errno == EWOULDBLOCK) {
                return Error{Errc::conflict, path.string() + " is held by another process"};
            }
            return posix_error(errno, "lock " + path.string());
        }
        return std::unique_ptr<DiskLock>(std::make_unique<PosixLock>(std::move(fd)));
    }

    Result<std::unique_ptr<WriteQueue>> write_queue(std::size_t depth) override {
        return make_uring_queue(depth);
    }
};

}  // namespace

Disk& posix_disk() noexcept {
    static PosixDisk disk;
    return disk;
}

}  // namespace penstock
