#pragma once

#include "sinks/where.h"

#include <string>

namespace penstock::sinks {

/// Which records of a range are delivered again, beside what the sink takes at all.
/// Threads: immutable.
struct Selection {
    std::string device;  // empty: of all devices
    Where where;
};

}  // namespace penstock::sinks
