#pragma once

#include "penstock/disk.h"
#include "penstock/sink.h"
#include "sinks/config.h"
#include "sinks/encode/output.h"
#include "sinks/registry.h"

#include <filesystem>
#include <memory>

namespace penstock::sinks {

/// Settings of the file sink.
struct FileConfig : SinkConfig {
    std::filesystem::path path;
    OutputConfig output;
};

/// `type: file`: appends one line a record to a file.
///
/// - Confirmed is what a write and an fdatasync have returned for. Lines stand in the order of the
/// LSNs.
/// - After a crash the lines behind the cursor are written again; a last line that has no line feed
/// was torn by it and is cut off first.
/// - A record that has a line break in its text (`format: raw`) is refused.
/// - A file that was renamed or removed (by a log rotation) is noticed within a second, and a new
/// one is begun.
/// - A folder or file that cannot be opened is `configuration`, a full or broken disk `transient`.
[[nodiscard]] SinkKind file_kind();

/// `disk` must outlive the sink.
[[nodiscard]] Result<std::unique_ptr<Sink>> make_file_sink(
    const FileConfig& config, const SinkContext& context, Disk& disk
);

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::FileConfig> {
    static Table<sinks::FileConfig> table();
};
