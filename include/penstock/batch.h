#pragma once

#include "penstock/ids.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace penstock {

/// The records that a shard hands to the journal together: encoded records back to back in one 4
/// KiB-aligned buffer, with room in front for the journal's frame header, so that the commit thread
/// writes the buffer as it is. The shard fills and seals it; afterwards it is shared read-only
/// (commit thread, in-memory tail, sinks). Threads: owning shard until sealed, then immutable but
/// for what the journal writes into the header room before it publishes the batch.
class Batch {
public:
    static constexpr std::size_t kAlignment = 4096;
    static constexpr std::size_t kHeaderRoom = 128;

    /// `capacity`: bytes for header and records, rounded up to a multiple of kAlignment.
    explicit Batch(std::size_t capacity);
    /// In memory that somebody made: `capacity` bytes, both they and it multiples of kAlignment.
    Batch(std::shared_ptr<std::byte> memory, std::size_t capacity) noexcept;
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    /// Room for `size` more bytes (a multiple of 8), or an empty span when it does not fit. Follow
    /// with `commit`.
    [[nodiscard]] std::span<std::byte> reserve(std::size_t size) noexcept;
    /// Makes the reserved record part of the batch.
    void commit(std::size_t size) noexcept;
    /// Computes the checksum. No record can be added afterwards.
    void seal() noexcept;
    /// Empty again, ready for records.
    void clear() noexcept;

    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    /// The encoded records.
    [[nodiscard]] std::span<const std::byte> records() const noexcept;
    /// The same bytes, writable: a score is set while the batch is still the shard's own.
    [[nodiscard]] std::span<std::byte> records() noexcept;
    /// CRC32C of records(), after seal().
    [[nodiscard]] std::uint32_t checksum() const noexcept { return checksum_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    /// Header room and records, up to the whole capacity. For the journal alone.
    [[nodiscard]] std::span<std::byte> frame() noexcept { return {data_, capacity_}; }

private:
    std::shared_ptr<std::byte> memory_;
    std::byte* data_;
    std::size_t capacity_;
    std::size_t used_ = kHeaderRoom;
    std::uint32_t count_ = 0;
    std::uint32_t checksum_ = 0;
};

using BatchPtr = std::shared_ptr<Batch>;

/// One shard's end of the journal.
/// Threads: owning shard.
class Appender {
public:
    virtual ~Appender() = default;

    /// An empty batch of the configured size, or one large enough for a record of `at_least` bytes.
    /// Null when a record of that size can never be stored.
    [[nodiscard]] virtual BatchPtr acquire(std::size_t at_least = 0) = 0;

    /// Hands a sealed batch over. False: the ring to the commit thread is full, or the journal
    /// takes nothing at the moment (disk full) or for good (failed); the batch stays the caller's,
    /// who stops reading from sockets and tries again when woken.
    [[nodiscard]] virtual bool submit(const BatchPtr& batch) = 0;

    /// A batch that is on disk: its records are first, first+1, ...
    struct Durable {
        Lsn first;
        std::uint32_t count = 0;
    };
    /// The next durable batch, in the order of submission; count 0 when there is none. After a
    /// failed journal: never again.
    [[nodiscard]] virtual Durable poll() = 0;
};

}  // namespace penstock
