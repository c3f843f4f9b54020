#pragma once

#include "config/secret.h"
#include "penstock/result.h"

#include <string>
#include <string_view>

namespace penstock::config {

/// A value with `${NAME}` and `${NAME:-default}` replaced; `$${` stays as `${`. The default is
/// taken where the variable is missing or empty. A value that got longer than 64 KiB is refused.
/// Errors: malformed, not_found, too_large; a sentence without any value of the environment.
/// Threads: any.
[[nodiscard]] Result<std::string> substituted(
    const Environment& environment, std::string_view text
);

}  // namespace penstock::config
