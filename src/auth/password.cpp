#include "auth/password.h"

#include "base/files.h"
#include "base/json_text.h"

#include <argon2.h>
#include <openssl/rand.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

namespace penstock::auth {
namespace {

constexpr std::uint32_t kMemoryKib = 47'104;
constexpr std::uint32_t kPasses = 1;
constexpr std::uint32_t kLanes = 1;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kFileBytesMax = std::size_t{16} << 20;
constexpr std::size_t kPhcBytesMax = 512;

/// A line of the file. `user` and `hash` are empty for blank lines and comments.
struct Line {
    std::string_view text;  // with its line feed
    std::string_view user;
    std::string_view hash;
};

std::string_view without_line_end(std::string_view line) noexcept {
    while (line.ends_with('\n') || line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

bool holds_nothing(std::string_view line) noexcept {
    const std::size_t first = line.find_first_not_of(" \t");
    return first == std::string_view::npos || line[first] == '#';
}

Error at_line(const std::filesystem::path& file, std::size_t number, const std::string& what) {
    return {Errc::malformed, file.string() + ":" + std::to_string(number) + ": " + what};
}

Result<Line> parse_line(
    std::string_view text, const std::filesystem::path& file, std::size_t number
) {
    const std::string_view line = without_line_end(text);
    if (holds_nothing(line)) return Line{.text = text, .user = {}, .hash = {}};
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos)
        return at_line(file, number, "not of the form user:$argon2id$...");
    const Line parsed{.text = text, .user = line.substr(0, colon), .hash = line.substr(colon + 1)};
    if (auto valid = check_user(parsed.user); !valid)
        return at_line(file, number, valid.error().message);
    if (auto valid = check_phc(std::string(parsed.hash)); !valid)
        return at_line(file, number, valid.error().message);
    return parsed;
}

Result<std::vector<Line>> parse_lines(std::string_view content, const std::filesystem::path& file) {
    std::vector<Line> lines;
    for (std::size_t number = 1; !content.empty(); ++number) {
        const std::size_t end = content.find('\n');
        const std::size_t size = end == std::string_view::npos ? content.size() : end + 1;
        PS_TRY(Line line, parse_line(content.substr(0, size), file, number));
        lines.push_back(line);
        content.remove_prefix(size);
    }
    return lines;
}

/// `key=number` out of the parameters of a PHC string; nothing when it is not there.
std::uint64_t parameter(std::string_view parameters, std::string_view key) noexcept {
    std::size_t at = 0;
    while (at < parameters.size()) {
        const std::size_t comma = std::min(parameters.find(',', at), parameters.size());
        const std::string_view item = parameters.substr(at, comma - at);
        if (item.starts_with(key)) {
            std::uint64_t value = 0;
            const auto digits = item.substr(key.size());
            const auto* const end = digits.data() + digits.size();
            const auto parsed = std::from_chars(digits.data(), end, value);
            return parsed.ec == std::errc{} && parsed.ptr == end ? value : 0;
        }
        at = comma + 1;
    }
    return 0;
}

bool within(std::uint64_t value, std::uint64_t low, std::uint64_t high) noexcept {
    return value >= low && value <= high;
}

/// A salt or hash: unpadded base64 of `low` to `high` characters.
bool is_encoded_bytes(std::string_view text, std::size_t low, std::size_t high) noexcept {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return within(text.size(), low, high) &&
           text.find_first_not_of(kAlphabet) == std::string_view::npos;
}

}  // namespace

Status check_user(std::string_view user) {
    if (user.empty()) return Error{Errc::invalid_argument, "the user name is empty"};
    if (user.size() > kUserBytesMax)
        return Error{Errc::too_large, "the user name is longer than 256 bytes"};
    if (user.starts_with('#') || user.starts_with('?'))
        return Error{Errc::invalid_argument, "a user name cannot begin with '#' or '?'"};
    if (!valid_utf8(user)) return Error{Errc::invalid_argument, "the user name is not UTF-8"};
    for (const char c : user) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f || c == ':' || c == '?')
            return Error{
                Errc::invalid_argument, "the user name holds ':', '?' or a control character"
            };
    }
    return {};
}

Result<std::string> hash_password(std::string_view password) {
    if (password.empty()) return Error{Errc::invalid_argument, "the password is empty"};
    if (password.size() > kPasswordBytesMax)
        return Error{Errc::too_large, "the password is longer than 4096 bytes"};
    std::array<unsigned char, kSaltBytes> salt{};
    if (RAND_bytes(salt.data(), static_cast<int>(salt.size())) != 1)
        return Error{Errc::io, "the system gives no random bytes"};
    std::string phc(
        argon2_encodedlen(kPasses, kMemoryKib, kLanes, kSaltBytes, kHashBytes, Argon2_id), '\0'
    );
    const int failed = argon2id_hash_encoded(
        kPasses,
        kMemoryKib,
        kLanes,
        password.data(),
        password.size(),
        salt.data(),
        salt.size(),
        kHashBytes,
        phc.data(),
        phc.size()
    );
    if (failed != ARGON2_OK)
        return Error{Errc::io, std::string("argon2id: ") + argon2_error_message(failed)};
    phc.resize(phc.find('\0'));
    return phc;
}

bool verify_password(std::string_view password, const std::string& phc) noexcept {
    if (password.size() > kPasswordBytesMax) return false;
    return argon2id_verify(phc.c_str(), password.data(), password.size()) == ARGON2_OK;
}

Status check_phc(const std::string& phc) {
    const Error malformed{Errc::malformed, "not an argon2id hash as `penstock passwd` writes it"};
    constexpr std::string_view kLead = "$argon2id$v=19$";
    if (phc.size() > kPhcBytesMax || !phc.starts_with(kLead)) return malformed;
    const std::string_view rest = std::string_view(phc).substr(kLead.size());
    const std::size_t salt_at = rest.find('$');
    if (salt_at == std::string_view::npos) return malformed;
    const std::size_t hash_at = rest.find('$', salt_at + 1);
    if (hash_at == std::string_view::npos) return malformed;
    const std::string_view salt = rest.substr(salt_at + 1, hash_at - salt_at - 1);
    if (!is_encoded_bytes(salt, 11, 86) || !is_encoded_bytes(rest.substr(hash_at + 1), 22, 86))
        return malformed;
    const std::string_view parameters = rest.substr(0, salt_at);
    const std::uint64_t lanes = parameter(parameters, "p=");
    if (!within(lanes, 1, 16) || !within(parameter(parameters, "t="), 1, 16) ||
        !within(parameter(parameters, "m="), 8 * lanes, 1'048'576))
        return Error{Errc::too_large, "argon2id parameters outside m<=1048576, t<=16, p<=16"};
    return {};
}

Result<PasswordTable> read_password_file(const std::filesystem::path& file) {
    PS_TRY(const std::string content, files::read(file, kFileBytesMax));
    PS_TRY(const std::vector<Line> lines, parse_lines(content, file));
    PasswordTable users;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const Line& line = lines[i];
        if (line.user.empty()) continue;
        if (!users.emplace(line.user, line.hash).second)
            return at_line(file, i + 1, "this user stands twice");
    }
    if (users.empty())
        return Error{
            Errc::malformed, file.string() + ": holds no user; `penstock passwd` adds one"
        };
    return users;
}

Status set_password(
    const std::filesystem::path& file, std::string_view user, std::string_view password
) {
    PS_CHECK(check_user(user));
    PS_TRY(const std::string phc, hash_password(password));
    std::string content;
    if (files::exists(file)) {
        PS_TRY(content, files::read(file, kFileBytesMax));
    }
    PS_TRY(const std::vector<Line> lines, parse_lines(content, file));
    std::string made;
    bool replaced = false;
    const std::string fresh = std::string(user) + ":" + phc + "\n";
    for (const Line& line : lines) {
        const bool same = line.user == user;
        if (!same || !replaced) made += same ? std::string_view(fresh) : line.text;
        if (!made.ends_with('\n')) made += '\n';
        replaced |= same;
    }
    if (!replaced) made += fresh;
    return files::write_durably(file, made);
}

Status remove_user(const std::filesystem::path& file, std::string_view user) {
    PS_TRY(const std::string content, files::read(file, kFileBytesMax));
    PS_TRY(const std::vector<Line> lines, parse_lines(content, file));
    std::string made;
    std::size_t left = 0;
    bool found = false;
    for (const Line& line : lines) {
        found |= line.user == user && !user.empty();
        if (line.user == user && !user.empty()) continue;
        if (!line.user.empty()) ++left;
        made += line.text;
    }
    if (!found) return Error{Errc::not_found, file.string() + ": no such user"};
    if (left == 0)
        return Error{
            Errc::conflict,
            file.string() +
                ": this is the last user, and a file without users lets nobody in; add "
                "another one first, or take `auth.passwords` out of the settings"
        };
    return files::write_durably(file, made);
}

}  // namespace penstock::auth
