#pragma once

#include "penstock/ids.h"
#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace penstock::inspect {

/// One device's scoring state as bytes, for a file. Little-endian:
///
///     u32 size       of the whole blob, this included; a multiple of 8
///     u8  version    1
///     u8  id_size    1 .. 255
///     u8  metrics    0 .. 255
///     u8  reserved   0
///     u16 detector   Detector::version()
///     u16 state_size Detector::state_size()
///     u32 reserved   0
///     u64 lsn        the state includes the device's records up to here, and none behind
///     metrics times { u64 metric   XXH64 of stream, NUL, field
///                     state_size bytes }
///     id_size bytes  device id, then zeros to a multiple of 8
///     u64 checksum   XXH64 of all before
///
/// Says nothing about shards or the order of metrics in the configuration: it can be read by any
/// node of any shape.
/// Threads: immutable. Views are into the blob.
class StateBlob {
public:
    static constexpr std::size_t kHeaderSize = 24;
    static constexpr std::size_t kMaxSize = 64 * 1024;

    /// The blob at the start of `bytes` (which may hold more behind it). Takes nothing on trust:
    /// size, version, bounds and checksum are looked at before anything else is. Errors: malformed,
    /// unsupported (a newer version).
    [[nodiscard]] static Result<StateBlob> parse(std::span<const std::byte> bytes) noexcept;

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::string_view device() const noexcept;
    [[nodiscard]] Lsn lsn() const noexcept;
    [[nodiscard]] std::uint16_t detector() const noexcept;
    [[nodiscard]] std::size_t state_size() const noexcept;
    [[nodiscard]] std::size_t metrics() const noexcept;
    /// Precondition for both: i < metrics().
    [[nodiscard]] std::uint64_t metric(std::size_t i) const noexcept;
    [[nodiscard]] std::span<const std::byte> state(std::size_t i) const noexcept;

    /// Size of a blob.
    [[nodiscard]] static std::size_t size_of(
        std::size_t id_size, std::size_t metrics, std::size_t state_size
    ) noexcept;

    /// Sets the LSN of a blob made by DeviceTable and renews its checksum: positions become LSNs
    /// when the journal has given them out.
    static void set_lsn(std::span<std::byte> blob, Lsn lsn) noexcept;
    /// Writes the checksum over what stands before it. For whoever fills a blob.
    static void seal(std::span<std::byte> blob) noexcept;

private:
    explicit StateBlob(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
    template <class T>
    [[nodiscard]] T load(std::size_t offset) const noexcept;

    std::span<const std::byte> bytes_;
};

}  // namespace penstock::inspect
