#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Pieces of JSON text, appended to a string.
/// Threads: any thread.
namespace penstock {

/// Is this UTF-8 without overlong forms, surrogates and values beyond U+10FFFF (RFC 3629)?
[[nodiscard]] bool valid_utf8(std::string_view text) noexcept;

/// `"text"`, escaped as RFC 8259 section 7 wants; also DEL, U+2028, U+2029 and direction overrides,
/// so that the result is safe in a log, a terminal and a script. Bytes that are no UTF-8 become
/// U+FFFD each.
void append_json_string(std::string_view text, std::string& out);

/// The shortest text that reads back as the same number; `null` for what JSON cannot write
/// (infinities, NaN).
void append_json_number(double value, std::string& out);
void append_json_number(std::uint64_t value, std::string& out);
void append_json_number(std::int64_t value, std::string& out);

}  // namespace penstock
