#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::sinks {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// SHA-256 of bytes that come in pieces. Source: FIPS 180-4.
/// Threads: owner.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;

    void add(std::string_view bytes);
    /// The digest of all bytes added; the next add() begins a new one.
    [[nodiscard]] Sha256Digest finish();

private:
    struct Context;
    std::unique_ptr<Context> context_;
};

[[nodiscard]] Sha256Digest sha256(std::string_view bytes);

/// Source: RFC 2104.
[[nodiscard]] Sha256Digest hmac_sha256(std::string_view key, std::string_view bytes);

/// Lower-case hexadecimal digits.
[[nodiscard]] std::string hex(const Sha256Digest& digest);

/// The digest's bytes as text.
[[nodiscard]] inline std::string_view bytes_of(const Sha256Digest& digest) noexcept {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace penstock::sinks
