#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

/// How the journal's small files (cursors, device indexes, quarantine) write and read their fields:
/// little-endian integers, LEB128 for what is usually small, texts with their length in front.
/// Fields are listed in the order of the format; a reader turns sour at the first short or overlong
/// field, so there is one check, at the end.
namespace penstock::journal {

/// Appends fields to a vector.
/// Threads: owner.
class ByteWriter {
public:
    explicit ByteWriter(std::vector<std::byte>& out) : out_(&out) {}

    template <class T>
        requires std::is_integral_v<T>
    ByteWriter& fixed(T value) {
        const std::size_t at = out_->size();
        out_->resize(at + sizeof value);
        std::memcpy(out_->data() + at, &value, sizeof value);
        return *this;
    }
    /// LEB128, 1 to 10 bytes.
    ByteWriter& varint(std::uint64_t value) {
        std::array<std::byte, 10> bytes;
        std::size_t size = 0;
        for (; value >= 0x80; value >>= 7U)
            bytes[size++] = static_cast<std::byte>(value | 0x80U);
        bytes[size++] = static_cast<std::byte>(value);
        out_->insert(out_->end(), bytes.begin(), bytes.begin() + size);
        return *this;
    }
    /// Small magnitudes of either sign become small varints.
    ByteWriter& signed_varint(std::int64_t value) {
        const auto shifted = static_cast<std::uint64_t>(value) << 1U;
        return varint(value < 0 ? ~shifted : shifted);
    }
    ByteWriter& bytes(std::span<const std::byte> value) {
        out_->insert(out_->end(), value.begin(), value.end());
        return *this;
    }
    /// Length as varint, then the text.
    ByteWriter& text(std::string_view value) {
        varint(value.size());
        return bytes(std::as_bytes(std::span(value)));
    }
    [[nodiscard]] std::size_t size() const noexcept { return out_->size(); }

private:
    std::vector<std::byte>* out_;
};

/// Takes fields off the front of some bytes. After the first one that does not fit, everything
/// reads as zero or empty and ok() is false. Threads: owner. Texts and spans are valid while the
/// bytes live.
class ByteReader {
public:
    explicit ByteReader(std::span<const std::byte> in) : rest_(in) {}

    template <class T>
        requires std::is_integral_v<T>
    T fixed() noexcept {
        T value{};
        const auto from = bytes(sizeof value);
        if (!from.empty()) std::memcpy(&value, from.data(), sizeof value);
        return value;
    }
    std::uint64_t varint() noexcept {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const auto byte = fixed<std::uint8_t>();
            if (shift == 63 && byte > 1) break;  // more than 64 bits
            value |= std::uint64_t{byte & 0x7fU} << shift;
            if ((byte & 0x80U) == 0) return ok_ ? value : 0;
        }
        fail();
        return 0;
    }
    std::int64_t signed_varint() noexcept {
        const std::uint64_t coded = varint();
        const std::uint64_t half = coded >> 1U;
        return static_cast<std::int64_t>((coded & 1U) != 0 ? ~half : half);
    }
    std::span<const std::byte> bytes(std::uint64_t size) noexcept {
        if (!ok_ || size > rest_.size()) {
            fail();
            return {};
        }
        const auto taken = rest_.first(size);
        rest_ = rest_.subspan(taken.size());
        return taken;
    }
    std::string_view text() noexcept {
        const auto taken = bytes(varint());
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes read as text.
        return {reinterpret_cast<const char*>(taken.data()), taken.size()};
    }
    void fail() noexcept {
        ok_ = false;
        rest_ = {};
    }
    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
    [[nodiscard]] std::size_t left() const noexcept { return rest_.size(); }

private:
    std::span<const std::byte> rest_;
    bool ok_ = true;
};

}  // namespace penstock::journal
