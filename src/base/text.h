#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Text as bytes: what may stand in URLs, object keys and log lines. No locale. JSON
/// is in json_text.h, times are in iso_time.h. Threads: any thread.
namespace penstock::text {

/// The longest beginning of `text` that is at most `bytes_max` long and does not end inside a
/// character.
[[nodiscard]] std::string_view cut(std::string_view text, std::size_t bytes_max) noexcept;

/// Appends a JSON string that is safe in a log and a terminal: one line, no ESC, no control and
/// direction characters, valid UTF-8 whatever comes in. What is longer than `bytes_max` is cut and
/// ends in `...`.
void append_log_string(std::string& out, std::string_view text, std::size_t bytes_max);

/// Appends the text with every byte but `A-Z a-z 0-9 - _ . ~` as `%XX`: one segment of a URL or of
/// an object key. Source: RFC 3986, sections 2.1 and 2.3.
void append_percent_encoded(std::string& out, std::string_view text);

/// As above, and `.` and `..` become `%2E` and `%2E%2E`, an empty text `%00`: one component of a
/// path or object key that nothing can climb out of. At most `bytes_max` bytes come from the
/// beginning of the text; what is longer ends in `~` and 16 hexadecimal digits of its hash, so that
/// long names stay different.
void append_path_component(std::string& out, std::string_view text, std::size_t bytes_max = 80);

/// Undoes percent-encoding; nothing when a `%` is not followed by two hexadecimal digits. `+`
/// stays.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text);

/// Lower-case hexadecimal digits, two a byte.
void append_hex(std::string& out, std::string_view bytes);

/// A whole text of decimal digits (with `-` for signed ones); nothing on overflow or anything else
/// in it.
[[nodiscard]] std::optional<std::int64_t> parse_int(std::string_view text) noexcept;
[[nodiscard]] std::optional<std::uint64_t> parse_uint(std::string_view text) noexcept;

/// A whole text that is a finite decimal number, as `1.5`, `-2`, `1e3`.
[[nodiscard]] std::optional<double> parse_double(std::string_view text) noexcept;

/// The fewest digits that read back as the same number.
[[nodiscard]] std::string shortest(double value);

}  // namespace penstock::text
