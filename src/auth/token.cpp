#include "auth/token.h"

#include "auth/password.h"
#include "base/files.h"

#include <openssl/sha.h>

#include <cstring>

namespace penstock::auth {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{16} << 20;

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<Digest> parse_digest(std::string_view hex) noexcept {
    Digest digest{};
    if (hex.size() != 2 * digest.size()) return std::nullopt;
    for (std::size_t i = 0; i < digest.size(); ++i) {
        const int high = hex_digit(hex[2 * i]);
        const int low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        digest[i] = static_cast<unsigned char>(high * 16 + low);
    }
    return digest;
}

std::string_view trimmed(std::string_view line) noexcept {
    constexpr std::string_view kBlank = " \t\r";
    while (!line.empty() && kBlank.find(line.front()) != std::string_view::npos)
        line.remove_prefix(1);
    while (!line.empty() && kBlank.find(line.back()) != std::string_view::npos)
        line.remove_suffix(1);
    return line;
}

}  // namespace

Digest sha256(std::string_view bytes) noexcept {
    Digest digest;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): text read as bytes.
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
    return digest;
}

std::size_t DigestHash::operator()(const Digest& digest) const noexcept {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
}

Status TokenTable::add_file(const std::filesystem::path& file) {
    PS_TRY(const std::string content, files::read(file, kFileBytesMax));
    const auto at_line = [&](std::size_t number, const std::string& what) {
        return Error{Errc::malformed, file.string() + ":" + std::to_string(number) + ": " + what};
    };
    std::size_t added = 0;
    std::string_view rest = content;
    for (std::size_t number = 1; !rest.empty(); ++number) {
        const std::size_t end = std::min(rest.find('\n'), rest.size() - 1);
        const std::string_view line = trimmed(rest.substr(0, end + (rest[end] == '\n' ? 0 : 1)));
        rest.remove_prefix(end + 1);
        if (line.empty() || line.front() == '#') continue;
        const std::size_t colon = line.rfind(':');
        if (colon == std::string_view::npos) return at_line(number, "not of the form name:sha256");
        const std::string_view name = line.substr(0, colon);
        if (auto valid = check_user(name); !valid) return at_line(number, valid.error().message);
        const auto digest = parse_digest(line.substr(colon + 1));
        if (!digest) return at_line(number, "the digest must have 64 hexadecimal digits");
        if (!names_.emplace(*digest, name).second)
            return at_line(number, "this token stands twice");
        ++added;
    }
    if (added == 0) return Error{Errc::malformed, file.string() + ": holds no token"};
    return {};
}

Status TokenTable::add(std::string_view name, std::string_view token) {
    PS_CHECK(check_user(name));
    if (token.size() < kTokenBytesMin || token.size() > kTokenBytesMax)
        return Error{
            Errc::too_large, "token '" + std::string(name) + "' must have 16 to 4096 bytes"
        };
    if (!names_.emplace(sha256(token), name).second)
        return Error{Errc::conflict, "token '" + std::string(name) + "' stands twice"};
    return {};
}

std::optional<std::string_view> TokenTable::find(std::string_view token) const noexcept {
    if (token.empty() || token.size() > kTokenBytesMax || names_.empty()) return std::nullopt;
    const auto found = names_.find(sha256(token));
    if (found == names_.end()) return std::nullopt;
    return std::string_view(found->second);
}

}  // namespace penstock::auth
