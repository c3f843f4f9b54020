#pragma once

#include "penstock/log_reader.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace penstock::test {

/// A frame's records in memory.
/// Threads: immutable.
class MemoryChunk final : public Chunk {
public:
    MemoryChunk(Lsn first, std::uint32_t count, std::vector<std::byte> bytes)
        : first_(first), count_(count), bytes_(std::move(bytes)) {}

    [[nodiscard]] Lsn first() const noexcept override { return first_; }
    [[nodiscard]] std::uint32_t count() const noexcept override { return count_; }
    [[nodiscard]] std::span<const std::byte> records() const noexcept override { return bytes_; }

private:
    Lsn first_;
    std::uint32_t count_;
    std::vector<std::byte> bytes_;
};

}  // namespace penstock::test
