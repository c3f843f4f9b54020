#pragma once

#include "penstock/ids.h"
#include "penstock/result.h"
#include "sinks/declared_fields.h"
#include "sinks/encode/archive_format.h"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace penstock::sinks {

/// The fields that tables of a stream have columns for, by stream. (Parquet)
using StreamTables = std::map<std::string, std::vector<DeclaredField>, std::less<>>;

/// Everything that decides which bytes a window becomes and what its objects are called.
struct WindowSettings {
    ArchiveFormat format = ArchiveFormat::ndjson;
    int level = 3;
    unsigned encoder = kArchiveEncoderVersion;
    unsigned zstd = 0;   // version of the library
    std::string prefix;  // of object names; ends with '/' unless empty
    StreamTables tables = {};

    friend bool operator==(const WindowSettings&, const WindowSettings&) = default;
};

/// A window that was closed: the records first..last.
struct WindowPlan {
    Lsn first;
    Lsn last;
    std::uint64_t bytes = 0;  // of its objects when it was closed
    WindowSettings settings;

    friend bool operator==(const WindowPlan&, const WindowPlan&) = default;
};

/// The sink's memory of how it cut the journal into windows: a file in its state folder, written
/// durably before the first object of a window goes out. After a crash the same records are cut in
/// the same places, so that they become the same objects under the same names.
///
/// Format, version 2 (text, lines ended by a line feed; names and prefix percent-encoded):
///     penstock-archive-windows 2
///     journal <32 hex digits>
///     table <stream> <field>:<type> <field>:<type> ...      (numbered from 0)
///     window <first> <last> <bytes> <format> <level> <encoder> <zstd> <prefix or -> [<numbers of
///     its tables, with commas>]
///     sha256 <hex digest of all bytes above>
/// Windows stand oldest first, tables before the windows that have them. Without any table the
/// version is 1, which older builds read.
///
/// Keeps the newest kKept windows: the cursor is saved long before so many are confirmed.
/// Threads: owner.
class WindowLog {
public:
    static constexpr std::size_t kKept = 32;

    /// Reads the file. None is a new sink; one of another journal is begun anew; damaged ones are
    /// put aside (windows are then cut anew: records may stand in two objects, none is lost).
    /// Errors: a newer version (unsupported), io.
    [[nodiscard]] static Result<WindowLog> open(
        const std::filesystem::path& folder, const JournalId& journal
    );

    /// Oldest first.
    [[nodiscard]] const std::vector<WindowPlan>& windows() const noexcept { return windows_; }
    /// Durable on return. Recorded windows that overlap with it are forgotten.
    [[nodiscard]] Status add(const WindowPlan& window);

    /// The file's text and back, for add() and open().
    [[nodiscard]] static std::string encode(
        const JournalId& journal, const std::vector<WindowPlan>& windows
    );
    [[nodiscard]] static Result<std::vector<WindowPlan>> decode(
        std::string_view text, const JournalId& journal
    );

private:
    WindowLog(std::filesystem::path path, const JournalId& journal)
        : path_(std::move(path)), journal_(journal) {}

    std::filesystem::path path_;
    JournalId journal_;
    std::vector<WindowPlan> windows_;
};

}  // namespace penstock::sinks
