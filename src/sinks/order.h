#pragma once

#include "penstock/clock.h"
#include "penstock/disk.h"
#include "penstock/ids.h"
#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What an operator orders of a running daemon: a file a piece in `data_dir/orders`, written by the
/// command, carried out and kept up to date by the daemon. So an order survives a restart, and who
/// may write the data directory may give one.
namespace penstock::sinks {

/// Persistent: never change the values.
enum class OrderKind : std::uint8_t {
    replay = 1,   // deliver a range of the journal again
    redrive = 2,  // deliver what the far side refused again
    drop = 3,     // give up what the far side refused
};

/// Persistent: never change the values.
enum class OrderState : std::uint8_t {
    waiting = 1,
    running = 2,
    done = 3,
    failed = 4,
    cancelled = 5,
};

[[nodiscard]] std::string_view name(OrderKind kind) noexcept;
[[nodiscard]] std::string_view name(OrderState state) noexcept;

struct Order {
    std::string id;  // the file's name
    OrderKind kind = OrderKind::replay;
    std::string sink;
    Nanoseconds given_at = 0;
    // Of a replay, as the operator wrote them:
    std::string from;
    std::string to;
    std::string device;
    std::string where;
    // Of a drop: ids of entries; none: all.
    std::vector<std::string> entries;

    OrderState state = OrderState::waiting;
    std::string message;  // why it failed, or what is to be known of its end
    Lsn first;            // the range of a replay, once it is known; 0: not yet
    Lsn last;
    std::uint64_t total = 0;  // LSNs of a replay, entries of the others
    // What became of them, so far:
    std::uint64_t delivered = 0;  // or dropped
    std::uint64_t filtered = 0;   // not for this sink, or not chosen
    std::uint64_t refused = 0;    // by the far side
    std::uint64_t gone = 0;       // no longer in the journal, or without a record

    [[nodiscard]] bool ended() const noexcept { return state >= OrderState::done; }
    [[nodiscard]] std::uint64_t settled() const noexcept {
        return delivered + filtered + refused + gone;
    }
};

/// Bound of an order's file.
constexpr std::size_t kOrderFileMax = std::size_t{256} * 1024;
/// Bound of Order::entries.
constexpr std::size_t kOrderEntriesMax = 1000;

/// Version 1 (integers little-endian, texts with a LEB128 length in front): magic u32 "PSOR",
/// version u16, kind u8, state u8, given at i64, first, last, total, delivered, filtered, refused
/// and gone u64 each, sink, from, to, device, where and message texts, number of entries varint and
/// their texts, CRC-32C of all before u32.
[[nodiscard]] std::vector<std::byte> encode_order(const Order& order);
/// Takes any bytes; the id is the caller's to set. Errors: corrupt, unsupported.
[[nodiscard]] Result<Order> decode_order(std::span<const std::byte> bytes);

/// The folder of the orders.
/// Threads: any thread; two writers of one order are the caller's business.
class OrderBook {
public:
    OrderBook(std::filesystem::path directory, Disk& disk)
        : directory_(std::move(directory)), disk_(disk) {}

    /// Makes the folder. Errors: io.
    [[nodiscard]] Status open() { return disk_.make_directory(directory_); }
    /// As they were given. Files that cannot be read are left out, and named in `problems`.
    [[nodiscard]] Result<std::vector<Order>> list(std::vector<std::string>* problems = nullptr)
        const;
    /// Errors: not_found, corrupt, unsupported, io.
    [[nodiscard]] Result<Order> read(std::string_view id) const;
    [[nodiscard]] Status write(const Order& order);
    [[nodiscard]] Status remove(std::string_view id);

    /// Asks the daemon to end an order.
    [[nodiscard]] Status cancel(std::string_view id);
    [[nodiscard]] bool cancelled(std::string_view id) const;

    /// A file of the order's own, beside it; removed with it.
    [[nodiscard]] std::filesystem::path cursor_path(std::string_view id) const;
    [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }

private:
    [[nodiscard]] std::filesystem::path path_of(std::string_view id, std::string_view suffix) const;

    std::filesystem::path directory_;
    Disk& disk_;
};

/// An id that no other order has: a time and a few random digits.
[[nodiscard]] std::string new_order_id(Nanoseconds wall, std::uint64_t random);

}  // namespace penstock::sinks
