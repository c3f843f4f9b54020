#pragma once

#include "penstock/clock.h"
#include "penstock/record.h"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// How values look in a binary COPY: a length of 4 bytes, then that many bytes, numbers with the
/// most significant byte first. All functions append to `out`.
/// Source: PostgreSQL 15, "COPY", section "Binary Format".
/// Threads: any.
namespace penstock::sinks::copy {

/// What a COPY begins and ends with.
[[nodiscard]] std::string_view header();
[[nodiscard]] std::string_view trailer();

/// The count of values that a row begins with.
void append_count(std::size_t values, std::string& out);
void append_null(std::string& out);
void append_bool(bool value, std::string& out);
void append_bytes(std::string_view bytes, std::string& out);
void append_int8(std::int64_t value, std::string& out);
void append_float8(double value, std::string& out);
/// timestamptz: whole microseconds since 2000, rounded down.
void append_time(Nanoseconds time, std::string& out);

/// A whole number of `bytes` (2, 4 or 8); `80.0` and `8e1` are whole. False where the field is none
/// that fits, and then nothing was appended.
[[nodiscard]] bool append_whole(const Field& field, std::size_t bytes, std::string& out);
/// A float of `bytes` (4 or 8). False as above.
[[nodiscard]] bool append_real(const Field& field, std::size_t bytes, std::string& out);

}  // namespace penstock::sinks::copy
