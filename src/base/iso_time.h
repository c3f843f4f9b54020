#pragma once

#include "penstock/clock.h"

#include <optional>
#include <string>
#include <string_view>

namespace penstock {

/// Appends `2026-01-02T03:04:05.678Z`: UTC, 3, 6 or 9 digits of a second, as many as needed.
void append_iso_time(Nanoseconds wall, std::string& out);

/// Reads ISO 8601 / RFC 3339: `2026-01-02`, `2026-01-02T03:04[:05[.fraction]]` with `Z`, `+hh:mm`,
/// `-hh:mm` or nothing (UTC); a blank or lower-case `t`/`z` in place of the letter is taken. Digits
/// beyond nanoseconds are cut. A leap second (:60) is the next second. Nothing when it is not a
/// time, or outside 1677-09-22 .. 2262-04-11.
[[nodiscard]] std::optional<Nanoseconds> parse_iso_time(std::string_view text) noexcept;

}  // namespace penstock
