#pragma once

#include "journal/device_index.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// What the writer and the reader of an index file share; the format is described in
/// device_index.h.
namespace penstock::journal::index_format {

constexpr std::uint32_t kMagic = 0x49445350;  // "PSDI"
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kHeaderSize = 108;
constexpr std::size_t kBlockSize = 4096;

/// The frames (sorted by LSN) that hold some of `lsns` (ascending).
[[nodiscard]] std::vector<FramePlace> pick(
    const std::vector<FramePlace>& frames, std::span<const Lsn> lsns
);

}  // namespace penstock::journal::index_format
