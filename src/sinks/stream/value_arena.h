#pragma once

#include "sinks/stream/in_flight.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <deque>
#include <memory>
#include <string_view>
#include <utility>

namespace penstock::sinks {

/// Bytes of values that a library sends without copying them: they stay where they are until the
/// records are confirmed.
///
/// Memory: blocks of 256 KiB, or of one larger value; one empty block is
/// kept.
///
/// Threads: owner.
class ValueArena {
public:
    static constexpr std::size_t kBlock = std::size_t{256} * 1024;

    /// A copy of the bytes, which stays until release() passes the ticket.
    char* keep(std::string_view bytes, InFlight::Ticket ticket) {
        if (blocks_.empty() || blocks_.back().size - blocks_.back().used < bytes.size()) {
            grow(bytes.size());
        }
        Block& block = blocks_.back();
        char* at = block.data.get() + block.used;
        if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
        block.used += bytes.size();
        block.last = ticket;
        return at;
    }
    /// Everything before `front` is confirmed.
    void release(InFlight::Ticket front) {
        while (!blocks_.empty() && blocks_.front().last < front) {
            if (blocks_.front().size == kBlock) spare_ = std::move(blocks_.front().data);
            blocks_.pop_front();
        }
    }

private:
    struct Block {
        std::unique_ptr<char[]> data;
        std::size_t size = 0;
        std::size_t used = 0;
        InFlight::Ticket last = 0;
    };

    void grow(std::size_t at_least) {
        Block block;
        block.size = std::max(at_least, kBlock);
        const bool reuse = spare_ && block.size == kBlock;
        block.data = reuse ? std::move(spare_) : std::make_unique_for_overwrite<char[]>(block.size);
        blocks_.push_back(std::move(block));
    }

    std::deque<Block> blocks_;
    std::unique_ptr<char[]> spare_;
};

}  // namespace penstock::sinks
