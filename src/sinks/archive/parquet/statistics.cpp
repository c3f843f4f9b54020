#include "sinks/archive/parquet/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace penstock::sinks::parquet {

namespace {

template <class T>
std::string bytes_of_value(T value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

}  // namespace

void Statistics::add(std::int64_t value) noexcept {
    least_ = any_ ? std::min(least_, value) : value;
    most_ = any_ ? std::max(most_, value) : value;
    any_ = true;
}

void Statistics::add(double value) noexcept {
    if (std::isnan(value)) return;
    least_number_ = any_ ? std::min(least_number_, value) : value;
    most_number_ = any_ ? std::max(most_number_, value) : value;
    any_ = true;
}

/// std::string compares bytes as unsigned, which is the order of UTF-8 columns.
void Statistics::add(std::string_view value) {
    unbounded_ |= value.size() > kTextBytesMax;
    if (unbounded_) return;
    if (!any_ || value < least_text_) least_text_ = value;
    if (!any_ || value > most_text_) most_text_ = value;
    any_ = true;
}

std::optional<std::string> Statistics::bound(bool most) const {
    if (!any_ || unbounded_) return std::nullopt;
    switch (column_.type) {
        case Type::boolean:
            return std::string(1, static_cast<char>(most ? most_ : least_));
        case Type::int64:
            return bytes_of_value(most ? most_ : least_);
        case Type::float64: {
            // Readers may not tell the two zeros apart: the bounds take in both.
            const double value = most ? most_number_ : least_number_;
            if (value == 0) return bytes_of_value(most ? 0.0 : -0.0);
            return bytes_of_value(value);
        }
        case Type::byte_array:
            break;
    }
    if (column_.meaning != Meaning::text) return std::nullopt;
    return most ? most_text_ : least_text_;
}

}  // namespace penstock::sinks::parquet
