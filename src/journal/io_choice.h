#pragma once

#include "journal/config.h"
#include "penstock/disk.h"
#include "penstock/result.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::journal {

/// How segments are written from now on. Chosen once: there is no fallback later.
struct IoChoice {
    std::unique_ptr<WriteQueue> queue;
    std::string_view mode;  // "uring" or "sync"
    std::string why_sync;   // what the trial said; empty when it was not asked or succeeded
};

/// Tries a direct, durable write through the disk's queue in `directory` and reads it back. Where
/// that fails (tmpfs, overlay, a sandbox without io_uring) `automatic` takes write + fdatasync.
/// Errors: unsupported (mode `uring`), full, io.
[[nodiscard]] Result<IoChoice> choose_io(
    IoMode mode, std::size_t depth, Disk& disk, const std::filesystem::path& directory
);

}  // namespace penstock::journal
