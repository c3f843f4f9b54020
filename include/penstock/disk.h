#pragma once

#include "penstock/clock.h"
#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// The seam between the journal and the operating system's files. Every call that the journal's
/// promises rest on goes through here, so that a test can fail the k-th one, forget what was not
/// synced, or tear a write.
namespace penstock {

/// Buffers of one write, back to back on disk.
using ByteSpans = std::span<const std::span<const std::byte>>;

/// An open file. Closed with the object; a failed close is of no consequence because nothing is
/// believed durable before a sync that succeeded.
/// Threads: read() and size() any thread; the others one at a time.
class DiskFile {
public:
    virtual ~DiskFile() = default;

    /// Fills `out` from `offset`; fewer bytes only at the end of the file. Errors: io.
    [[nodiscard]] virtual Result<std::size_t> read(
        std::span<std::byte> out, std::uint64_t offset
    ) = 0;
    /// Writes everything or fails; after a failure nothing is known about the bytes. Errors: full,
    /// io.
    [[nodiscard]] virtual Status write(ByteSpans parts, std::uint64_t offset) = 0;
    /// What was written before the call, and the size, survive a power cut. Errors: io; never call
    /// it again on this file after one (R2).
    [[nodiscard]] virtual Status sync() = 0;
    [[nodiscard]] virtual Result<std::uint64_t> size() = 0;
    /// Cuts the file or grows it with zeros. Durable after sync(). Errors: full, io.
    [[nodiscard]] virtual Status resize(std::uint64_t size) = 0;
    /// Asks the system to forget its cached copy, so that the next read comes from the device. A
    /// hint.
    virtual void drop_cache() noexcept = 0;
    /// The file descriptor, for what only the operating system can do with it; -1 when there is
    /// none.
    [[nodiscard]] virtual int native_handle() const noexcept = 0;

    [[nodiscard]] Status write(std::span<const std::byte> bytes, std::uint64_t offset) {
        return write(ByteSpans(&bytes, 1), offset);
    }
};

using DiskFilePtr = std::shared_ptr<DiskFile>;

/// How a file is opened.
enum class OpenMode : std::uint8_t {
    read,    // must exist
    write,   // must exist; read and write
    create,  // must not exist; read and write, mode 0600
    direct,  // must exist; writes bypass the cache and are durable when they complete (O_DIRECT |
             // O_DSYNC). Buffers, offsets and sizes are multiples of 4096
};

/// Writes in flight, each durable when it is reported. Bounded; completions come in any order.
/// Threads: owner, except wake().
class WriteQueue {
public:
    virtual ~WriteQueue() = default;

    /// What became of a write. Anything but ok with all bytes is final for the file (R2).
    struct Done {
        std::uint64_t token = 0;
        Status status;
    };

    /// Takes a write to a file that was opened as file_mode() says; it is under way with the next
    /// reap() at the latest. File and buffers must live until it is reported.
    /// Precondition: in_flight() < depth().
    virtual void submit(
        DiskFile& file, ByteSpans parts, std::uint64_t offset, std::uint64_t token
    ) = 0;
    /// Waits at most `wait` (0: not at all) for a completion or wake(), and appends what is
    /// complete. An error here is one of the queue itself, and final.
    [[nodiscard]] virtual Status reap(std::vector<Done>& done, Nanoseconds wait) = 0;
    /// Ends the present or the next reap() early. Any thread.
    virtual void wake() noexcept = 0;
    [[nodiscard]] virtual std::size_t in_flight() const noexcept = 0;
    [[nodiscard]] virtual std::size_t depth() const noexcept = 0;
    /// How files for this queue must be opened.
    [[nodiscard]] virtual OpenMode file_mode() const noexcept = 0;
};

/// One name in a folder.
struct DiskEntry {
    std::string name;
    std::uint64_t size = 0;
    bool regular = false;  // a plain file
};

/// What statvfs says.
struct DiskSpace {
    std::uint64_t total = 0;      // bytes of the file system
    std::uint64_t available = 0;  // bytes an unprivileged process may still take
};

/// Held for as long as the object lives; gone with the process, whatever ends it.
/// Threads: any.
class DiskLock {
public:
    virtual ~DiskLock() = default;
};

/// A file system.
/// Threads: any thread.
class Disk {
public:
    using Path = std::filesystem::path;

    virtual ~Disk() = default;
    /// Errors: not_found, conflict (exists already), denied, unsupported (direct), full, io.
    [[nodiscard]] virtual Result<DiskFilePtr> open(const Path& path, OpenMode mode) = 0;
    /// Atomic; replaces `to`. Durable after sync_directory(). Errors: not_found, io.
    [[nodiscard]] virtual Status rename(const Path& from, const Path& to) = 0;
    /// Durable after sync_directory(). Errors: not_found, io.
    [[nodiscard]] virtual Status remove(const Path& path) = 0;
    /// Names made, renamed and removed in the folder survive a power cut. Errors: io.
    [[nodiscard]] virtual Status sync_directory(const Path& path) = 0;
    /// Makes a folder (mode 0700) and those above it, durably; fine when it exists. Errors: denied,
    /// full, io.
    [[nodiscard]] virtual Status make_directory(const Path& path) = 0;
    /// The names in a folder, sorted. Errors: not_found, io.
    [[nodiscard]] virtual Result<std::vector<DiskEntry>> list(const Path& path) = 0;
    [[nodiscard]] virtual Result<DiskSpace> space(const Path& path) = 0;
    /// Takes the lock file (made when missing). Errors: conflict (another process holds it), io.
    [[nodiscard]] virtual Result<std::unique_ptr<DiskLock>> lock(const Path& path) = 0;
    /// A queue of durable writes in flight. Errors: unsupported (this system or sandbox does not
    /// offer it).
    [[nodiscard]] virtual Result<std::unique_ptr<WriteQueue>> write_queue(std::size_t depth) = 0;
};

}  // namespace penstock
