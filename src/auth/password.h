#pragma once

#include "penstock/result.h"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>

/// Password hashes and the file that `penstock passwd` writes.
/// Format: one `user:$argon2id$v=19$m=47104,t=1,p=1$<salt>$<hash>` a line (PHC string format);
/// empty lines and lines that begin with `#` are skipped. A file without any user is an error, as
/// is a user that stands twice. Bounds: 16 MiB a file, 256 bytes a user, 4 KiB a password; m <= 1
/// GiB, t <= 16, p <= 16 in a stored hash.
namespace penstock::auth {

constexpr std::size_t kUserBytesMax = 256;
constexpr std::size_t kPasswordBytesMax = 4096;

/// A user name that the file can hold: 1 to 256 bytes of UTF-8 without ':' and control characters,
/// not led by '#' or '?'.
[[nodiscard]] Status check_user(std::string_view user);

/// A fresh argon2id PHC string (m=47104 KiB, t=1, p=1, 16 bytes of salt, 32 of hash).
[[nodiscard]] Result<std::string> hash_password(std::string_view password);

/// True when the password belongs to the PHC string. False also for anything that cannot be decoded
/// or computed.
[[nodiscard]] bool verify_password(std::string_view password, const std::string& phc) noexcept;

/// Can this stored hash be verified within the bounds above?
[[nodiscard]] Status check_phc(const std::string& phc);

/// User -> PHC string.
using PasswordTable = std::unordered_map<std::string, std::string>;

/// Errors: io (unreadable), malformed (`file:line: what`), too_large.
[[nodiscard]] Result<PasswordTable> read_password_file(const std::filesystem::path& file);

/// Sets or replaces a user's password; the file (mode 0600) is made when it is missing. Other lines
/// stay as they are. The new file is durable and in place, or the old one unchanged. A malformed
/// file is left alone (error).
[[nodiscard]] Status set_password(
    const std::filesystem::path& file, std::string_view user, std::string_view password
);

/// Removes a user. Errors: not_found. Removing the last user is refused (conflict): an empty file
/// locks everybody out.
[[nodiscard]] Status remove_user(const std::filesystem::path& file, std::string_view user);

}  // namespace penstock::auth
