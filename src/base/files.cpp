#include "base/files.h"

#include "base/posix_error.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <system_error>
#include <utility>

namespace penstock::files {

namespace {

constexpr std::string_view kTemporaryMark = ".tmp-";

/// An open descriptor.
class File {
public:
    File(const std::filesystem::path& path, int flags, mode_t mode = 0)
        : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
    ~File() {
        if (fd_ >= 0) ::close(fd_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    [[nodiscard]] bool open() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int fd() const noexcept { return fd_; }

private:
    int fd_;
};

/// Removes a temporary file unless it was renamed away.
class Unfinished {
public:
    explicit Unfinished(std::filesystem::path path) : path_(std::move(path)) {}
    ~Unfinished() {
        if (!path_.empty()) ::unlink(path_.c_str());
    }
    Unfinished(const Unfinished&) = delete;
    Unfinished& operator=(const Unfinished&) = delete;
    void finished() noexcept { path_.clear(); }

private:
    std::filesystem::path path_;
};

Status write_all(const File& file, const std::filesystem::path& path, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(file.fd(), bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error("write", path, errno);
        if (n == 0) return Error{Errc::io, "cannot write " + path.string() + ": no progress"};
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
    const auto folder = path.parent_path();
    return folder.empty() ? std::filesystem::path(".") : folder;
}

std::filesystem::path temporary_beside(const std::filesystem::path& path) {
    static std::atomic<std::uint64_t> next{0};  // relaxed: only the numbers must differ
    const auto number = next.fetch_add(1, std::memory_order_relaxed);
    return folder_of(path) / ("." + path.filename().string() + std::string(kTemporaryMark) +
                              std::to_string(::getpid()) + "-" + std::to_string(number));
}

}  // namespace

Error system_error(std::string_view action, const std::filesystem::path& path, int error_number) {
    std::string text = "cannot ";
    text += action;
    text += ' ';
    text += path.string();
    text += ": ";
    text += std::generic_category().message(error_number);
    return {posix_code(error_number), std::move(text)};
}

Result<std::string> read(const std::filesystem::path& path, std::size_t bytes_max) {
    // A FIFO in place of the file must not hang the start.
    const File file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file.open()) return system_error("open", path, errno);
    struct stat info{};
    if (::fstat(file.fd(), &info) != 0) return system_error("inspect", path, errno);
    if (!S_ISREG(info.st_mode)) {
        return Error{Errc::invalid_argument, path.string() + " is not a regular file"};
    }
    std::string content;
    // One byte more than allowed tells a file that is too large from one that just fits, also while
    // it grows.
    const std::size_t expected = std::min(static_cast<std::size_t>(info.st_size), bytes_max) + 1;
    for (;;) {
        const std::size_t have = content.size();
        if (have > bytes_max) {
            return Error{
                Errc::too_large,
                path.string() + " has more than " + std::to_string(bytes_max) + " bytes"
            };
        }
        const std::size_t room = std::min(std::max(expected, have + 4096), bytes_max + 1);
        content.resize(room);
        const ssize_t n = ::read(file.fd(), content.data() + have, room - have);
        const int error_number = errno;
        content.resize(have + (n > 0 ? static_cast<std::size_t>(n) : 0));
        if (n == 0) return content;
        if (n < 0 && error_number != EINTR) return system_error("read", path, error_number);
    }
}

Status write_durably(const std::filesystem::path& path, std::string_view bytes) {
    const auto temporary = temporary_beside(path);
    const File file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (!file.open()) return system_error("create", temporary, errno);
    Unfinished unfinished(temporary);
    PS_CHECK(write_all(file, temporary, bytes));
    if (::fdatasync(file.fd()) != 0) return system_error("sync", temporary, errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error("replace", path, errno);
    unfinished.finished();
    return sync_directory(folder_of(path));
}

Status sync_directory(const std::filesystem::path& path) {
    const File folder(path, O_RDONLY | O_DIRECTORY);
    if (!folder.open()) return system_error("open", path, errno);
    if (::fsync(folder.fd()) != 0) return system_error("sync", path, errno);
    return {};
}

Status make_private_directory(const std::filesystem::path& path) {
    if (path.empty()) return Error{Errc::invalid_argument, "the path of a folder is empty"};
    std::filesystem::path made;
    for (const auto& part : path) {
        made /= part;
        if (::mkdir(made.c_str(), 0700) == 0) {
            PS_CHECK(sync_directory(folder_of(made)));
            continue;
        }
        const int error_number = errno;
        struct stat info{};
        if (::stat(made.c_str(), &info) == 0) {
            if (S_ISDIR(info.st_mode)) continue;
            return Error{Errc::conflict, made.string() + " is there, but is not a folder"};
        }
        return system_error("create folder", made, error_number);
    }
    return {};
}

Result<std::vector<std::string>> list(const std::filesystem::path& path, std::size_t names_max) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
    if (!folder) return system_error("open folder", path, errno);
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(folder.get());  // NOLINT(concurrency-mt-unsafe): own stream
        if (!entry) {
            if (errno != 0) return system_error("read folder", path, errno);
            break;
        }
        const std::string_view name(entry->d_name);
        if (name == "." || name == "..") continue;
        if (names.size() == names_max) {
            return Error{Errc::too_large, path.string() + " holds too many names"};
        }
        names.emplace_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

Status remove(const std::filesystem::path& path) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    return system_error("remove", path, errno);
}

bool exists(const std::filesystem::path& path) noexcept {
    return ::access(path.c_str(), F_OK) == 0;
}

bool is_temporary_name(std::string_view name) noexcept {
    return name.starts_with('.') && name.find(kTemporaryMark) != std::string_view::npos;
}

}  // namespace penstock::files
