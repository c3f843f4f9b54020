#pragma once

#include "penstock/result.h"

#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace penstock::auth {

constexpr std::size_t kTokenBytesMin = 16;
constexpr std::size_t kTokenBytesMax = 4096;

using Digest = std::array<unsigned char, 32>;

/// SHA-256 (FIPS 180-4).
[[nodiscard]] Digest sha256(std::string_view bytes) noexcept;

struct DigestHash {
    std::size_t operator()(const Digest& digest) const noexcept;
};

/// Bearer tokens by their SHA-256; the tokens themselves are not kept.
/// File format: one `name:sha256` a line, the digest in 64 hexadecimal digits (`printf %s "$TOKEN"
/// | sha256sum`); empty lines and lines that begin with `#` are skipped. A file without any token
/// is an error. Bounds: 16 MiB a file; names as user names (check_user). Threads: immutable once
/// filled.
class TokenTable {
public:
    /// Errors: io, too_large, malformed (`file:line: what`).
    [[nodiscard]] Status add_file(const std::filesystem::path& file);

    /// Errors: invalid_argument (name), too_large (shorter than 16 or longer than 4096 bytes),
    /// conflict (token known).
    [[nodiscard]] Status add(std::string_view name, std::string_view token);

    /// The name of a token. The look-up is by digest: its time says nothing about a token.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view token) const noexcept;

    [[nodiscard]] bool empty() const noexcept { return names_.empty(); }

private:
    std::unordered_map<Digest, std::string, DigestHash> names_;
};

}  // namespace penstock::auth
