#pragma once

#include "penstock/disk.h"

#include <cstddef>
#include <memory>

namespace penstock {

/// Durable writes through io_uring: files opened O_DIRECT | O_DSYNC, several in flight, about 15 us
/// of processor time each whatever the size.
/// Errors: unsupported, when the kernel or a sandbox does not let the process have a ring.
[[nodiscard]] Result<std::unique_ptr<WriteQueue>> make_uring_queue(std::size_t depth);

}  // namespace penstock
