#pragma once

#include "inspect/config.h"
#include "inspect/field_index.h"
#include "penstock/clock.h"

#include <optional>

namespace penstock::inspect {

/// Earlier times are what a clock shows that was never set (1970, 1980 and the first minutes of
/// 2000).
constexpr Nanoseconds kEarliestEventTime = 946'771'200 * kSecond;  // 2000-01-02T00:00:00Z

/// The time a field holds, or nothing when it holds none that `format` knows. Exact: decimals of a
/// number count down to nanoseconds, without a detour over floating point. Texts without a zone are
/// UTC. Precondition: texts hold no escapes.
[[nodiscard]] std::optional<Nanoseconds> parse_event_time(
    const Known& field, TimeFormat format
) noexcept;

}  // namespace penstock::inspect
