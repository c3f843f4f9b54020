#include "sinks/order.h"

#include "base/crc32c.h"
#include "base/iso_time.h"
#include "journal/byte_codec.h"
#include "journal/rewrite.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace penstock::sinks {
namespace {

constexpr std::uint32_t kMagic = 0x524F5350;  // "PSOR"
constexpr std::uint16_t kVersion = 1;
constexpr std::string_view kOrderSuffix = ".order";
constexpr std::string_view kCancelSuffix = ".cancel";
constexpr std::string_view kCursorSuffix = ".cursor";

/// In the order of the format.
template <class O>
auto numbers_of(O& order) {
    return std::array{
        &order.first.value,
        &order.last.value,
        &order.total,
        &order.delivered,
        &order.filtered,
        &order.refused,
        &order.gone
    };
}

template <class O>
auto texts_of(O& order) {
    return std::array{
        &order.sink, &order.from, &order.to, &order.device, &order.where, &order.message
    };
}

bool known(OrderKind kind) {
    return kind >= OrderKind::replay && kind <= OrderKind::drop;
}

bool known(OrderState state) {
    return state >= OrderState::waiting && state <= OrderState::cancelled;
}

/// An id comes from a command line: it must not climb out of the folder.
bool plausible(std::string_view id) {
    const auto digit = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-';
    };
    return !id.empty() && id.size() <= 64 && std::ranges::all_of(id, digit);
}

}  // namespace

std::string_view name(OrderKind kind) noexcept {
    switch (kind) {
        case OrderKind::replay:
            return "replay";
        case OrderKind::redrive:
            return "redrive";
        case OrderKind::drop:
            return "drop";
    }
    return "unknown";
}

std::string_view name(OrderState state) noexcept {
    switch (state) {
        case OrderState::waiting:
            return "waiting";
        case OrderState::running:
            return "running";
        case OrderState::done:
            return "done";
        case OrderState::failed:
            return "failed";
        case OrderState::cancelled:
            return "cancelled";
    }
    return "unknown";
}

std::vector<std::byte> encode_order(const Order& order) {
    std::vector<std::byte> out;
    journal::ByteWriter writer(out);
    writer.fixed(kMagic)
        .fixed(kVersion)
        .fixed(static_cast<std::uint8_t>(order.kind))
        .fixed(static_cast<std::uint8_t>(order.state))
        .fixed(order.given_at);
    for (const auto* number : numbers_of(order))
        writer.fixed(*number);
    for (const auto* text : texts_of(order))
        writer.text(*text);
    writer.varint(order.entries.size());
    for (const auto& entry : order.entries)
        writer.text(entry);
    writer.fixed(crc32c(out));
    return out;
}

Result<Order> decode_order(std::span<const std::byte> bytes) {
    const Error damaged{Errc::corrupt, "an order that is none"};
    journal::ByteReader in(bytes);
    const auto magic = in.fixed<std::uint32_t>();
    const auto version = in.fixed<std::uint16_t>();
    if (!in.ok() || magic != kMagic) return damaged;
    if (version > kVersion) return Error{Errc::unsupported, "an order of a newer version"};
    Order order;
    order.kind = static_cast<OrderKind>(in.fixed<std::uint8_t>());
    order.state = static_cast<OrderState>(in.fixed<std::uint8_t>());
    order.given_at = in.fixed<Nanoseconds>();
    for (auto* number : numbers_of(order))
        *number = in.fixed<std::uint64_t>();
    for (auto* text : texts_of(order))
        *text = in.text();
    const auto entries = in.varint();
    if (entries > kOrderEntriesMax) return damaged;
    for (std::uint64_t i = 0; i < entries; ++i)
        order.entries.emplace_back(in.text());
    const auto crc = in.fixed<std::uint32_t>();
    const bool sound = in.ok() && in.empty() && version != 0 && known(order.kind) &&
                       known(order.state) && crc == crc32c(bytes.first(bytes.size() - sizeof crc));
    if (!sound) return damaged;
    return order;
}

std::filesystem::path OrderBook::path_of(std::string_view id, std::string_view suffix) const {
    return directory_ / (std::string(id) + std::string(suffix));
}

std::filesystem::path OrderBook::cursor_path(std::string_view id) const {
    return path_of(id, kCursorSuffix);
}

Result<std::vector<Order>> OrderBook::list(std::vector<std::string>* problems) const {
    std::vector<Order> orders;
    auto entries = disk_.list(directory_);
    if (!entries && entries.error().code == Errc::not_found) return orders;
    if (!entries) return std::move(entries).error();
    for (const auto& entry : *entries) {
        if (!entry.regular || !entry.name.ends_with(kOrderSuffix)) continue;
        const auto id = entry.name.substr(0, entry.name.size() - kOrderSuffix.size());
        auto order = read(id);
        if (order) {
            orders.push_back(std::move(*order));
        } else if (problems != nullptr) {
            problems->push_back(id + ": " + order.error().message);
        }
    }
    std::ranges::sort(orders, {}, [](const Order& o) { return std::tie(o.given_at, o.id); });
    return orders;
}

Result<Order> OrderBook::read(std::string_view id) const {
    if (!plausible(id)) return Error{Errc::not_found, "not the id of an order"};
    PS_TRY(const auto file, disk_.open(path_of(id, kOrderSuffix), OpenMode::read));
    PS_TRY(const auto size, file->size());
    if (size > kOrderFileMax) return Error{Errc::corrupt, "an order that is too large"};
    std::vector<std::byte> bytes(size);
    PS_TRY(const auto got, file->read(bytes, 0));
    PS_TRY(auto order, decode_order(std::span(bytes).first(got)));
    order.id = id;
    return order;
}

Status OrderBook::write(const Order& order) {
    return journal::write_file_durably(disk_, path_of(order.id, kOrderSuffix), encode_order(order));
}

Status OrderBook::remove(std::string_view id) {
    for (const auto suffix : {kCancelSuffix, kCursorSuffix, kOrderSuffix}) {
        const auto removed = disk_.remove(path_of(id, suffix));
        if (!removed && removed.error().code != Errc::not_found) return removed;
    }
    return disk_.sync_directory(directory_);
}

Status OrderBook::cancel(std::string_view id) {
    PS_TRY(const auto order, read(id));
    if (order.ended()) {
        return Error{Errc::conflict, fmt::format("order {} is {} already", id, name(order.state))};
    }
    auto made = disk_.open(path_of(id, kCancelSuffix), OpenMode::create);
    if (!made && made.error().code != Errc::conflict) return std::move(made).error();
    return disk_.sync_directory(directory_);
}

bool OrderBook::cancelled(std::string_view id) const {
    return disk_.open(path_of(id, kCancelSuffix), OpenMode::read).ok();
}

std::string new_order_id(Nanoseconds wall, std::uint64_t random) {
    std::string time;
    append_iso_time(wall / kSecond * kSecond, time);
    std::erase_if(time, [](char c) { return c < '0' || c > '9'; });
    time.resize(std::min<std::size_t>(time.size(), 14));  // to the second
    return fmt::format("{}-{:04x}", time, random & 0xffffU);
}

}  // namespace penstock::sinks
