#pragma once

#include "penstock/result.h"

#include <string>
#include <string_view>

namespace penstock {

/// The system's sentence for an errno value, with its number.
[[nodiscard]] std::string posix_text(int error);

/// The code that fits an errno value: ENOENT not_found, EEXIST conflict, EACCES and EPERM denied,
/// ENOSPC and EDQUOT full, EINVAL and EOPNOTSUPP unsupported, all else io.
[[nodiscard]] Errc posix_code(int error) noexcept;

/// `<what>: <the system's sentence>`, with posix_code().
[[nodiscard]] Error posix_error(int error, std::string_view what);

}  // namespace penstock
