#pragma once

#include "penstock/disk.h"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace penstock::test {

/// A file system in memory that does what real ones do when things go wrong:
/// - a power cut forgets what was not synced, data and names, wholly, not at all or in part (torn
///   at 512 bytes);
/// - the k-th call fails; after a failed sync the dirty data counts as clean although it is not on
///   disk (fsyncgate);
/// - the k-th write is torn, lands elsewhere, loses a bit or never arrives, and says that all is
///   well;
/// - there is only so much space;
/// - writes in flight complete in any order.
/// Threads: any; calls are one at a time.
class FakeDisk final : public Disk {
public:
    explicit FakeDisk(std::uint64_t seed = 1);
    ~FakeDisk() override;

    enum class Call {
        open,
        read,
        write,
        sync,
        resize,
        rename,
        remove,
        sync_directory,
        make_directory,
        list,
        space,
        lock,
        completion,
        count
    };

    /// What is wrong with a call. All but the first three go unreported.
    enum class Fault : std::uint8_t {
        error,      // it fails with its code; half of a write may have arrived
        late,       // it fails with its code although it was done, wholly
        torn,       // a write: some sectors arrive, then it fails with its code
        flip,       // a write or a read: one bit is wrong
        misdirect,  // a write: it goes to another block of the file
        lost,       // a write: it never arrives
    };

    // ---- faults ---------------------------------------------------------------------------------

    /// The k-th call of a kind from now on (1: the next) fails with that code.
    void fail(Call call, std::uint64_t k, Errc code = Errc::io, Fault fault = Fault::error);
    /// The k-th changing call of any kind fails.
    void fail_any(std::uint64_t k, Errc code = Errc::io);
    void heal();
    /// Whether the call that was to fail has come.
    [[nodiscard]] bool struck() const;
    /// Calls so far; all changing ones for Call::count.
    [[nodiscard]] std::uint64_t calls(Call call) const;
    /// Syncs of a file by the process that saw one of it fail: must stay 0 (R2).
    [[nodiscard]] std::uint64_t syncs_after_failure() const;
    /// The process ended and the power stayed: the next one knows of no failed sync.
    void begin_process();

    /// Bytes that files may take together; the total of space().
    void set_capacity(std::uint64_t bytes);
    [[nodiscard]] std::uint64_t used() const;
    /// Without io_uring: write_queue() says unsupported.
    void set_async(bool offered);

    // ---- power ----------------------------------------------------------------------------------

    enum class Cut {
        drop,    // nothing that was not synced survives
        keep,    // everything does, as after a crash of the process alone
        random,  // each write for itself, torn at 512 bytes; names up to some moment, as a file
                 // system with a journal keeps them
        chaos,   // the same, but each name for itself, too
    };
    /// Power is gone and comes back. Open files, locks and queues of before are dead: every call on
    /// them fails.
    void cut(Cut cut);

    // ---- looking inside -------------------------------------------------------------------------

    [[nodiscard]] std::vector<std::byte> contents(const Path& path) const;
    /// Replaces a file, durably.
    void put(const Path& path, std::vector<std::byte> bytes);
    /// All files, by path.
    using Image = std::map<std::string, std::vector<std::byte>>;
    [[nodiscard]] Image image() const;
    /// These files and no others, durably. Open files stay what they were.
    void restore(const Image& image);
    [[nodiscard]] std::vector<std::string> names(const Path& directory) const;
    [[nodiscard]] bool exists(const Path& path) const;

    // ---- Disk -----------------------------------------------------------------------------------

    [[nodiscard]] Result<DiskFilePtr> open(const Path& path, OpenMode mode) override;
    [[nodiscard]] Status rename(const Path& from, const Path& to) override;
    [[nodiscard]] Status remove(const Path& path) override;
    [[nodiscard]] Status sync_directory(const Path& path) override;
    [[nodiscard]] Status make_directory(const Path& path) override;
    [[nodiscard]] Result<std::vector<DiskEntry>> list(const Path& path) override;
    [[nodiscard]] Result<DiskSpace> space(const Path& path) override;
    [[nodiscard]] Result<std::unique_ptr<DiskLock>> lock(const Path& path) override;
    [[nodiscard]] Result<std::unique_ptr<WriteQueue>> write_queue(std::size_t depth) override;

private:
    struct Inode;
    struct NameChange;
    class File;
    class Queue;
    class Lock;

    /// What the next call of this kind meets, if anything.
    struct Strike {
        Fault fault;
        Error error;
    };
    [[nodiscard]] std::optional<Strike> strike(Call call, const std::string& what);
    [[nodiscard]] static bool fails_before(const std::optional<Strike>& struck);
    [[nodiscard]] static Status finish(const std::optional<Strike>& struck);
    using Pieces = std::vector<std::pair<std::uint64_t, std::vector<std::byte>>>;
    [[nodiscard]] Pieces damaged(
        const std::optional<Strike>& struck,
        const Inode& inode,
        std::uint64_t offset,
        std::vector<std::byte> bytes
    );
    void flip_bit(std::span<std::byte> bytes);
    void settle_inodes(Cut cut);
    void settle_names(Cut cut);
    void forget_below(const std::string& directory);
    [[nodiscard]] std::uint64_t used_locked() const;
    [[nodiscard]] Status grow_check(const Inode& inode, std::uint64_t size) const;
    void apply_torn(
        std::vector<std::byte>& to, std::span<const std::byte> bytes, std::uint64_t offset, Cut cut
    );

    using Names = std::map<std::string, std::shared_ptr<Inode>>;

    mutable std::mutex mutex_;
    std::mt19937_64 random_;
    Names names_;
    Names durable_names_;
    std::vector<NameChange> changes_;             // since the folder's last sync
    std::map<std::string, bool> directories_;     // path -> durable
    std::map<std::string, std::uint64_t> locks_;  // path -> life in which it is held
    std::uint64_t life_ = 1;                      // of power
    std::vector<Queue*> queues_;
    std::uint64_t capacity_ = std::uint64_t{1} << 40U;
    bool async_ = true;
    std::array<std::uint64_t, static_cast<std::size_t>(Call::count) + 1> calls_{};
    std::array<std::uint64_t, static_cast<std::size_t>(Call::count) + 1> fail_at_{};
    Errc fail_code_ = Errc::io;
    Fault fail_fault_ = Fault::error;
    bool struck_ = false;
    std::uint64_t syncs_after_failure_ = 0;
};

}  // namespace penstock::test
