#pragma once

#include "penstock/disk.h"

namespace penstock {

/// The machine's files. Files are made with mode 0600 and folders with 0700, whatever the umask
/// says.
/// Threads: any thread.
[[nodiscard]] Disk& posix_disk() noexcept;

}  // namespace penstock
