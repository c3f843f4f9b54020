#pragma once

#include "sinks/series/config.h"
#include "sinks/transport/url.h"

#include <string>
#include <vector>

namespace penstock::sinks {

/// Where points are posted to: `url` with `/write` where it has no path, and what the settings add
/// to its query (db, org, bucket, precision; a precision of the URL's own stays).
[[nodiscard]] std::string write_url(const LineProtocolConfig& config, Url url);

/// The lines of a write's head, credentials included: never log them.
[[nodiscard]] std::vector<std::string> write_headers(
    const LineProtocolConfig& config, bool gzipped
);

}  // namespace penstock::sinks
