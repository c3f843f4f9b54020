#include "inspect/score/state_blob.h"

#include <bit>
#include <cstring>

static_assert(std::endian::native == std::endian::little, "saved state is little-endian");

namespace penstock::inspect {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kLsn = 16;

std::uint64_t checksum(std::span<const std::byte> bytes) noexcept {
    const auto covered = bytes.first(bytes.size() - sizeof(std::uint64_t));
    return device_hash({reinterpret_cast<const char*>(covered.data()), covered.size()});
}

std::size_t padded(std::size_t size) noexcept {
    return (size + 7) / 8 * 8;
}

}  // namespace

template <class T>
T StateBlob::load(std::size_t offset) const noexcept {
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
}

std::size_t StateBlob::size_of(
    std::size_t id_size, std::size_t metrics, std::size_t state_size
) noexcept {
    return kHeaderSize + metrics * (sizeof(std::uint64_t) + state_size) + padded(id_size) +
           sizeof(std::uint64_t);
}

Result<StateBlob> StateBlob::parse(std::span<const std::byte> bytes) noexcept {
    const auto malformed = [](const char* why) { return Error{Errc::malformed, why}; };
    if (bytes.size() < kHeaderSize + 2 * sizeof(std::uint64_t))
        return malformed("a device's state is cut off");
    std::uint32_t size = 0;
    std::memcpy(&size, bytes.data(), sizeof size);
    if (size > kMaxSize || size < kHeaderSize + 2 * sizeof(std::uint64_t) || size > bytes.size())
        return malformed("a device's state is cut off or its size is wrong");
    const StateBlob blob(bytes.first(size));
    if (blob.load<std::uint64_t>(size - sizeof(std::uint64_t)) != checksum(blob.bytes_))
        return malformed("a device's state fails its checksum");
    const auto version = blob.load<std::uint8_t>(4);
    if (version > kVersion)
        return Error{Errc::unsupported, "a device's state is of a newer version"};
    if (version != kVersion || blob.load<std::uint8_t>(5) == 0)
        return malformed("a device's state has a wrong header");
    if (size_of(blob.load<std::uint8_t>(5), blob.metrics(), blob.state_size()) != size)
        return malformed("a device's state has a wrong size");
    return blob;
}

std::string_view StateBlob::device() const noexcept {
    const std::size_t at = kHeaderSize + metrics() * (sizeof(std::uint64_t) + state_size());
    return {reinterpret_cast<const char*>(bytes_.data() + at), load<std::uint8_t>(5)};
}

Lsn StateBlob::lsn() const noexcept {
    return {load<std::uint64_t>(kLsn)};
}

std::uint16_t StateBlob::detector() const noexcept {
    return load<std::uint16_t>(8);
}

std::size_t StateBlob::state_size() const noexcept {
    return load<std::uint16_t>(10);
}

std::size_t StateBlob::metrics() const noexcept {
    return load<std::uint8_t>(6);
}

std::uint64_t StateBlob::metric(std::size_t i) const noexcept {
    return load<std::uint64_t>(kHeaderSize + i * (sizeof(std::uint64_t) + state_size()));
}

std::span<const std::byte> StateBlob::state(std::size_t i) const noexcept {
    const std::size_t at = kHeaderSize + i * (sizeof(std::uint64_t) + state_size());
    return bytes_.subspan(at + sizeof(std::uint64_t), state_size());
}

void StateBlob::set_lsn(std::span<std::byte> blob, Lsn lsn) noexcept {
    std::memcpy(blob.data() + kLsn, &lsn.value, sizeof lsn.value);
    seal(blob);
}

void StateBlob::seal(std::span<std::byte> blob) noexcept {
    const std::uint64_t sum = checksum(blob);
    std::memcpy(blob.data() + blob.size() - sizeof sum, &sum, sizeof sum);
}

}  // namespace penstock::inspect
