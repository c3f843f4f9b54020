#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace penstock {

/// Bytes that wait: appended behind, taken from the front. Holds no memory while empty (an idle
/// connection has two of these), and kPayloadPadding readable bytes behind the last one. Grows with
/// what is in it, never with what a peer declares. Bound: 4 GiB - 1; the users keep it far below.
/// Threads: owner.
class Bytes {
public:
    Bytes() = default;
    Bytes(Bytes&& other) noexcept;
    Bytes& operator=(Bytes&& other) noexcept;
    ~Bytes() { clear(); }

    [[nodiscard]] bool empty() const noexcept { return size_ == head_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_ - head_; }
    [[nodiscard]] std::span<const std::byte> view() const noexcept {
        return {data_ + head_, size()};
    }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

    void append(std::span<const std::byte> bytes);
    /// Room for `size` more bytes, to be filled by the caller at once. Valid until the next call.
    [[nodiscard]] std::byte* extend(std::size_t size);
    /// Takes back the last `size` bytes.
    void shorten(std::size_t size) noexcept { size_ -= static_cast<std::uint32_t>(size); }
    /// Drops bytes at the front. Gives the memory back with the last one.
    void consume(std::size_t size) noexcept;
    void clear() noexcept;

private:
    void grow(std::size_t more);

    std::byte* data_ = nullptr;
    std::uint32_t head_ = 0;
    std::uint32_t size_ = 0;  // end of the bytes
    std::uint32_t capacity_ = 0;
};

}  // namespace penstock
