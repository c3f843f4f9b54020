#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Finds the records in a body without parsing them: where one ends is told by quotes and brackets
/// alone.
namespace penstock::ingest::http {

/// What the client says the body is.
enum class Format : std::uint8_t {
    json,   // application/json: an object, or an array of objects
    lines,  // application/x-ndjson: an object a line
    any,    // nothing useful: an array, lines, or one object, as the text shows
};

/// Where a record's text stands in the body, without blanks around it.
struct Element {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
};

/// Why a body as a whole is no list of records.
struct BodyFault {
    bool too_many = false;     // more than the bound; otherwise malformed
    std::size_t position = 0;  // byte of the body, from 0
    std::string_view what;     // a constant
};

/// Appends the body's records to `out`. A fault means that nothing of the body counts: an empty
/// body, an array that does not close, has an empty place, or is followed by something. What stands
/// inside an element or a line is not looked at beyond quotes and brackets: a bad one is refused
/// alone, later. Empty lines are no records; a byte order mark in front is skipped. Cost: one pass.
/// Bodies are smaller than 4 GiB.
[[nodiscard]] std::optional<BodyFault> split_body(
    std::string_view body, Format format, std::size_t records_max, std::vector<Element>& out
);

}  // namespace penstock::ingest::http
