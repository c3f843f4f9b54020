#pragma once

#include "app/home_log.h"
#include "base/spsc_ring.h"
#include "inspect/inspector.h"
#include "penstock/ids.h"
#include "penstock/intake.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace penstock::app {

/// Records on their way to the home shard of their devices: encoded, with what the home needs to
/// score and acknowledge them.
struct Parcel {
    struct Item {
        std::uint32_t size = 0;     // of the encoded record
        std::uint32_t metrics = 0;  // how many of `metrics` are this record's
        Ticket ticket;
    };
    std::vector<std::byte> bytes;
    std::vector<Item> items;
    std::vector<inspect::Metric> metrics;
    std::shared_ptr<const inspect::Inspector> inspector;  // whose numbering of metrics this is
    // How far the home shard has got: items, and what belongs to them.
    std::size_t taken = 0;
    std::size_t bytes_taken = 0;
    std::size_t metrics_taken = 0;

    /// A parcel this large is sent although the turn is not over.
    static constexpr std::size_t kFull = std::size_t{128} << 10U;
};

/// The rings between shards: parcels to a device's home, receipts back to where its connection
/// lives. A full ring makes the sender keep what it has and answer `busy`; nobody waits, so two
/// full rings cannot block each other. Threads: parcels(from, to) is written by shard `from` and
/// read by shard `to`; receipts likewise.
class Links {
public:
    using Parcels = SpscRing<std::unique_ptr<Parcel>>;
    using Receipts = SpscRing<std::vector<Ticket>>;

    explicit Links(std::uint32_t shards);

    [[nodiscard]] Parcels& parcels(std::uint32_t from, std::uint32_t to) noexcept {
        return *parcels_[from * shards_ + to];
    }
    [[nodiscard]] Receipts& receipts(std::uint32_t from, std::uint32_t to) noexcept {
        return *receipts_[from * shards_ + to];
    }
    [[nodiscard]] std::uint32_t shards() const noexcept { return shards_; }

private:
    static constexpr std::size_t kParcels = 16;    // at most 16 x 128 KiB between two shards
    static constexpr std::size_t kReceipts = 256;  // what does not fit stays with the home shard

    std::uint32_t shards_;
    std::vector<std::unique_ptr<Parcels>> parcels_;
    std::vector<std::unique_ptr<Receipts>> receipts_;
};

}  // namespace penstock::app
