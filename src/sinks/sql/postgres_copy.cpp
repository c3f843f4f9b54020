#include "sinks/sql/postgres_copy.h"

#include "base/text.h"

#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>

namespace penstock::sinks::copy {
namespace {

constexpr Nanoseconds kEpoch = 946'684'800 * kSecond;  // 2000-01-01

template <class Integer>
void append_big_endian(Integer value, std::string& out) {
    auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
    for (std::size_t i = sizeof(Integer); i-- > 0;)
        out += static_cast<char>(static_cast<unsigned char>(bits >> (8 * i)));
}

template <class Integer>
void append_number(Integer value, std::string& out) {
    append_big_endian(static_cast<std::int32_t>(sizeof(Integer)), out);
    append_big_endian(value, out);
}

/// A JSON number that is whole, as `80`, `80.0`, `8e1`.
std::optional<std::int64_t> whole(const Field& field) {
    if (field.type != FieldType::integer && field.type != FieldType::number) return std::nullopt;
    if (const auto exact = text::parse_int(field.text)) return exact;
    const auto value = field.number();
    constexpr double kExact = 9'007'199'254'740'992.0;  // 2^53
    if (!value || std::trunc(*value) != *value || std::abs(*value) > kExact) return std::nullopt;
    return static_cast<std::int64_t>(*value);
}

template <class Integer>
bool append_fitting(std::int64_t value, std::string& out) {
    if (value < std::numeric_limits<Integer>::min() || value > std::numeric_limits<Integer>::max())
        return false;
    append_number(static_cast<Integer>(value), out);
    return true;
}

}  // namespace

std::string_view header() {
    static constexpr char kHeader[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
    return {kHeader, sizeof kHeader};
}

std::string_view trailer() {
    return "\377\377";
}

void append_count(std::size_t values, std::string& out) {
    append_big_endian(static_cast<std::int16_t>(values), out);
}

void append_null(std::string& out) {
    append_big_endian(std::int32_t{-1}, out);
}

void append_bool(bool value, std::string& out) {
    append_big_endian(std::int32_t{1}, out);
    out += value ? '\1' : '\0';
}

void append_bytes(std::string_view bytes, std::string& out) {
    append_big_endian(static_cast<std::int32_t>(bytes.size()), out);
    out += bytes;
}

void append_int8(std::int64_t value, std::string& out) {
    append_number(value, out);
}

void append_float8(double value, std::string& out) {
    append_number(std::bit_cast<std::int64_t>(value), out);
}

void append_time(Nanoseconds time, std::string& out) {
    const Nanoseconds since = time - kEpoch;
    const std::int64_t rest = since % kMicrosecond;
    append_number((since - (rest < 0 ? rest + kMicrosecond : rest)) / kMicrosecond, out);
}

bool append_whole(const Field& field, std::size_t bytes, std::string& out) {
    const auto value = whole(field);
    if (!value) return false;
    if (bytes == 2) return append_fitting<std::int16_t>(*value, out);
    if (bytes == 4) return append_fitting<std::int32_t>(*value, out);
    append_number(*value, out);
    return true;
}

bool append_real(const Field& field, std::size_t bytes, std::string& out) {
    const auto value = field.number();
    if (!value || !std::isfinite(*value)) return false;
    if (bytes == 8) {
        append_float8(*value, out);
        return true;
    }
    if (std::abs(*value) > static_cast<double>(std::numeric_limits<float>::max())) return false;
    append_number(std::bit_cast<std::int32_t>(static_cast<float>(*value)), out);
    return true;
}

}  // namespace penstock::sinks::copy
