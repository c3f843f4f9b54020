#pragma once

#include "sinks/archive/parquet/schema.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::sinks::parquet {

/// What a footer says about the values of a column chunk. Bounds are in the plain encoding, without
/// the size in front of a byte array; none when there is no value, or where they would be long or
/// have no defined order. Source: parquet.thrift, "Statistics" and "ColumnOrder".
/// Threads: owner.
class Statistics {
public:
    /// Longer texts are no bounds: the column then has none.
    static constexpr std::size_t kTextBytesMax = 256;

    explicit Statistics(const Column& column) : column_(column) {}

    void add_null() noexcept { ++nulls_; }
    void add(std::int64_t value) noexcept;
    void add(double value) noexcept;
    void add(std::string_view value);
    void add(bool value) noexcept { add(std::int64_t{value}); }

    [[nodiscard]] std::int64_t nulls() const noexcept { return nulls_; }
    [[nodiscard]] std::optional<std::string> least() const { return bound(false); }
    [[nodiscard]] std::optional<std::string> most() const { return bound(true); }

private:
    [[nodiscard]] std::optional<std::string> bound(bool most) const;

    Column column_;
    std::int64_t nulls_ = 0;
    bool any_ = false;
    bool unbounded_ = false;
    std::int64_t least_ = 0;
    std::int64_t most_ = 0;
    double least_number_ = 0;
    double most_number_ = 0;
    std::string least_text_;
    std::string most_text_;
};

}  // namespace penstock::sinks::parquet
