#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace penstock::mqtt {

/// Reads fields in wire order. The first short or bad field turns it sour: everything after reads
/// as zero or empty, and one check at the end suffices. Never reads outside its bytes. Threads:
/// owner. What it returns points into the bytes.
class Reader {
public:
    explicit Reader(std::span<const std::byte> bytes) noexcept
        : at_(reinterpret_cast<const unsigned char*>(bytes.data())), left_(bytes.size()) {}

    [[nodiscard]] std::uint8_t u8() noexcept { return take(1) ? at_[-1] : std::uint8_t{0}; }
    [[nodiscard]] std::uint16_t u16() noexcept {
        if (!take(2)) return 0;
        return static_cast<std::uint16_t>(at_[-2] << 8 | at_[-1]);
    }
    [[nodiscard]] std::uint32_t u32() noexcept {
        const std::uint32_t high = u16();
        return high << 16 | u16();
    }
    /// Variable Byte Integer (MQTT 5 section 1.5.5): one to four bytes, the shortest form only.
    [[nodiscard]] std::uint32_t varint() noexcept {
        std::uint32_t value = 0;
        for (unsigned shift = 0; shift < 28; shift += 7) {
            const std::uint32_t byte = u8();
            value |= (byte & 0x7FU) << shift;
            if ((byte & 0x80U) != 0) continue;
            if (byte == 0 && shift != 0) sour();
            return value;
        }
        sour();
        return 0;
    }
    /// Two bytes of length, then as many bytes (UTF-8 Encoded String before its check, Binary
    /// Data).
    [[nodiscard]] std::string_view bytes() noexcept {
        const std::size_t size = u16();
        if (!take(size)) return {};
        return {reinterpret_cast<const char*>(at_ - size), size};
    }
    /// bytes() that must be UTF-8 without U+0000 [MQTT-1.5.4-1, -2].
    [[nodiscard]] std::string_view text() noexcept;
    /// A part of so many bytes, to be read on its own.
    [[nodiscard]] Reader part(std::size_t size) noexcept {
        const bool there = take(size);
        Reader made({});
        made.at_ = there ? at_ - size : at_;
        made.left_ = there ? size : 0;
        made.sour_ = !there;
        return made;
    }
    /// Everything that is left.
    [[nodiscard]] std::string_view rest() noexcept {
        const std::size_t size = left_;
        if (!take(size)) return {};
        return {reinterpret_cast<const char*>(at_ - size), size};
    }

    [[nodiscard]] std::size_t left() const noexcept { return left_; }
    [[nodiscard]] bool ok() const noexcept { return !sour_; }
    /// Nothing was short, and nothing is left.
    [[nodiscard]] bool complete() const noexcept { return !sour_ && left_ == 0; }
    void sour() noexcept {
        sour_ = true;
        left_ = 0;
    }

private:
    bool take(std::size_t size) noexcept {
        if (size > left_) {
            sour();
            return false;
        }
        at_ += size;
        left_ -= size;
        return !sour_;
    }

    const unsigned char* at_;
    std::size_t left_;
    bool sour_ = false;
};

}  // namespace penstock::mqtt
