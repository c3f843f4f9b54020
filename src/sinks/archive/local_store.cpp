#include "sinks/archive/local_store.h"

#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace penstock::sinks {

namespace {

namespace fs = std::filesystem;

/// An open file, closed with the object.
class File {
public:
    explicit File(int fd) : fd_(fd) {}
    ~File() {
        if (fd_ >= 0) ::close(fd_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_;
};

/// `from` becomes `to` unless `to` is there (Errc::conflict).
Status rename_new(const fs::path& from, const fs::path& to) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
    if (errno == EEXIST) return Error{Errc::conflict, to.string() + " exists"};
    if (errno != EINVAL && errno != ENOSYS) return files::system_error("rename to", to, errno);
    // A file system that cannot: a hard link has the same promise.
    if (::link(from.c_str(), to.c_str()) == 0) return files::remove(from);
    if (errno == EEXIST) return Error{Errc::conflict, to.string() + " exists"};
    return files::system_error("link to", to, errno);
}

bool same_bytes(const fs::path& path, std::string_view bytes) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
    if (static_cast<std::uint64_t>(info.st_size) != bytes.size()) return false;
    const auto content = files::read(path, bytes.size());
    return content.ok() && *content == bytes;
}

SinkFailure failure_of_disk(const Error& error) {
    return {FailureClass::transient, error.message, std::nullopt};
}

}  // namespace

LocalStore::LocalStore(fs::path directory, const std::string& owner)
    : directory_(std::move(directory)), temporary_(directory_ / (".penstock-" + owner)) {}

void LocalStore::begin(const ArchiveObject& object, bool) {
    waiting_.push_back(&object);
}

Status LocalStore::prepare() {
    if (prepared_) return {};
    PS_CHECK(files::make_private_directory(temporary_));
    PS_TRY(const auto names, files::list(temporary_));
    for (const std::string& name : names)
        PS_CHECK(files::remove(temporary_ / name));
    prepared_ = true;
    return {};
}

Status LocalStore::write_temporary(const fs::path& path, std::string_view bytes) {
    PS_CHECK(files::remove(path));
    const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)
    );
    if (file.get() < 0) return files::system_error("create", path, errno);
    while (!bytes.empty()) {
        const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return files::system_error("write", path, errno);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    // A failed sync is final for this file (R2): the next attempt writes a new one.
    if (::fdatasync(file.get()) != 0) return files::system_error("sync", path, errno);
    return {};
}

Status LocalStore::put(const ArchiveObject& object, bool& conflict) {
    PS_CHECK(prepare());
    fs::path path = directory_ / object.name;
    if (path.parent_path() != made_) {
        PS_CHECK(files::make_private_directory(path.parent_path()));
        made_ = path.parent_path();
    }
    if (same_bytes(path, object.bytes)) return files::sync_directory(path.parent_path());
    const fs::path temporary = temporary_ / "object";
    Status written = write_temporary(temporary, object.bytes);
    if (!written.ok()) {
        static_cast<void>(files::remove(temporary));  // its room may be what is missing
        return written;
    }
    Status named = rename_new(temporary, path);
    if (!named.ok() && named.error().code == Errc::conflict) {
        conflict = true;
        path = directory_ / name_beside(object.name, object.sha256);
        if (same_bytes(path, object.bytes)) return files::sync_directory(path.parent_path());
        named = rename_new(temporary, path);
    }
    PS_CHECK(std::move(named));
    return files::sync_directory(path.parent_path());
}

StoreProgress LocalStore::poll(Nanoseconds) {
    StoreProgress progress;
    if (waiting_.empty()) return progress;
    const ArchiveObject* const object = waiting_.front();
    bool conflict = false;
    const Status done = put(*object, conflict);
    if (!done.ok()) {
        made_.clear();
        prepared_ = false;
        progress.failure = failure_of_disk(done.error());
        return progress;
    }
    waiting_.pop_front();
    progress.done.push_back(
        {object, conflict ? name_beside(object->name, object->sha256) : object->name}
    );
    progress.sent_bytes = object->bytes.size();
    progress.conflicts = conflict ? 1 : 0;
    return progress;
}

Status LocalStore::probe(Nanoseconds) {
    PS_CHECK(files::make_private_directory(directory_));
    if (::access(directory_.c_str(), W_OK | X_OK) == 0) return {};
    return files::system_error("write to", directory_, errno);
}

}  // namespace penstock::sinks
