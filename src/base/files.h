#pragma once

#include "penstock/result.h"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// Small files and folders: settings, cursors, credentials, spool files. Errors name the path and
/// the system's reason. Threads: any thread; two writers of one path are the caller's business.
namespace penstock::files {

/// The whole content of a regular file. `too_large` when it has more than `bytes_max` bytes.
[[nodiscard]] Result<std::string> read(const std::filesystem::path& path, std::size_t bytes_max);

/// Replaces the content of a file so that after a crash it is either the old or the new one, whole:
/// a new file in the same folder (mode 0600), written, fdatasync'ed, renamed over the path, folder
/// fsync'ed. On an error the old content stands (unless the folder's fsync is what failed: then
/// either may) and no temporary file is left. Nothing is retried.
[[nodiscard]] Status write_durably(const std::filesystem::path& path, std::string_view bytes);

/// Makes a folder, and those above it, with mode 0700, and makes their names durable. A folder that
/// is there keeps what it is, but must be a folder.
[[nodiscard]] Status make_private_directory(const std::filesystem::path& path);

/// Names in a folder, sorted, without `.` and `..`. `too_large` beyond `names_max`.
[[nodiscard]] Result<std::vector<std::string>> list(
    const std::filesystem::path& path, std::size_t names_max = 1'000'000
);

/// Removes a file; success when there was none. The folder is not synced.
[[nodiscard]] Status remove(const std::filesystem::path& path);

/// Makes names made, renamed or removed in a folder durable.
[[nodiscard]] Status sync_directory(const std::filesystem::path& path);

[[nodiscard]] bool exists(const std::filesystem::path& path) noexcept;

/// A name that a rename or crash may have left behind by `write_durably`: to be removed at start.
[[nodiscard]] bool is_temporary_name(std::string_view name) noexcept;

/// `errno` as an Error: `cannot open /x/y: No such file or directory`.
[[nodiscard]] Error system_error(
    std::string_view action, const std::filesystem::path& path, int error_number
);

}  // namespace penstock::files
