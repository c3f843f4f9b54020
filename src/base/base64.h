#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Base64 with the standard alphabet. Source: RFC 4648, section 4.
/// Threads: any thread.
namespace penstock {

/// Appends the bytes in base64, padded.
void append_base64(std::string_view bytes, std::string& out);

/// The bytes, or nothing when the text is not base64. Padding may be left out; other characters
/// than the alphabet's, and bits that are not zero behind the last byte, may not stand in it.
[[nodiscard]] std::optional<std::string> base64_decoded(std::string_view text);

}  // namespace penstock
