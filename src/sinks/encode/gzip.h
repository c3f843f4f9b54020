#pragma once

#include <string>
#include <string_view>

namespace penstock::sinks {

/// The bytes as one gzip member, at the fastest level. Source: RFC 1952.
/// Threads: any thread.
[[nodiscard]] std::string gzip(std::string_view bytes);

}  // namespace penstock::sinks
