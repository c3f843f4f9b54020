#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace penstock::inspect {

/// Text that grows and keeps its memory when cleared; kSlack bytes behind it are always readable,
/// so that it may be scanned in whole words. Views into it end with the next growth: keep offsets.
/// Threads: owning shard.
class CharBuffer {
public:
    static constexpr std::size_t kSlack = 64;

    CharBuffer() { grow(0); }

    void clear() noexcept { size_ = 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::string_view view() const noexcept { return {data_.get(), size_}; }
    [[nodiscard]] std::string_view view(std::size_t offset, std::size_t size) const noexcept {
        return {data_.get() + offset, size};
    }
    void append(std::string_view text) {
        if (size_ + text.size() > capacity_) grow(text.size());
        std::memcpy(data_.get() + size_, text.data(), text.size());
        size_ += text.size();
    }
    void append(char c) { append(std::string_view(&c, 1)); }
    /// Makes room: views stay valid while no more than `more` bytes are appended.
    void reserve(std::size_t more) {
        if (size_ + more > capacity_) grow(more);
    }

private:
    void grow(std::size_t more) {
        const std::size_t wanted = (size_ + more) * 2;
        const std::size_t capacity = wanted < 1024 ? 1024 : wanted;
        auto data = std::make_unique<char[]>(capacity + kSlack);
        if (size_ != 0) std::memcpy(data.get(), data_.get(), size_);
        data_ = std::move(data);
        capacity_ = capacity;
    }

    std::unique_ptr<char[]> data_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace penstock::inspect
