#pragma once

#include "sinks/archive/parquet/encoding.h"
#include "sinks/archive/parquet/schema.h"
#include "sinks/archive/parquet/statistics.h"
#include "sinks/encode/zstd_writer.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::parquet {

/// A column chunk that was written. Source: parquet.thrift, "ColumnMetaData".
struct Chunk {
    Encoding encoding = Encoding::plain;
    std::int64_t values = 0;  // with nulls
    std::int64_t bytes = 0;   // headers and pages before compression
    std::int64_t compressed_bytes = 0;
    std::size_t data_at = 0;        // offsets in `out` of the call that wrote it
    std::size_t dictionary_at = 0;  // where there is one
    Statistics statistics;
};

/// The values of a column for the row group in the making. Which encoding is smallest is found out
/// when they are written: a dictionary where values repeat, differences for integers, split bytes
/// or plain for floating point, after compressing a sample of them. The same values give the same
/// bytes.
///
/// Pages hold kPageBytes of plain values at most (a single larger value has a page of its own),
/// are compressed one by one, and have a CRC. Threads: owner.
class ColumnBuffer {
public:
    static constexpr std::size_t kPageBytes = std::size_t{1} << 20;

    explicit ColumnBuffer(Column column) : column_(std::move(column)) {}

    /// Preconditions: `add_null` on optional columns, the others as the type says; at most 2^31 - 1
    /// bytes a value, 2^32 - 1 together.
    void add_null();
    void add(std::int64_t value);
    void add(double value);
    void add(bool value);
    void add(std::string_view value);

    [[nodiscard]] const Column& column() const noexcept { return column_; }
    [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
    /// Whether the row at hand, the `rows`-th, has a value or null already.
    [[nodiscard]] bool filled(std::size_t rows) const noexcept { return rows_ > rows; }
    /// Of memory, about.
    [[nodiscard]] std::size_t bytes() const noexcept;

    /// Appends the chunk to `out` and begins the next.
    [[nodiscard]] Chunk write(ZstdWriter& zstd, std::string& out);

private:
    struct Dictionary {
        std::vector<std::uint32_t> indices;  // of each value
        std::string plain;                   // the distinct values
        std::uint32_t size = 0;
        bool good = false;  // worth it
    };
    struct Range {  // of a page
        std::size_t rows = 0;
        std::size_t first = 0;  // of the values
        std::size_t last = 0;
    };

    void present();
    [[nodiscard]] std::size_t value_count() const noexcept;
    [[nodiscard]] std::string_view text(std::size_t i) const noexcept;
    [[nodiscard]] Dictionary dictionary() const;
    template <class Key, class At>
    [[nodiscard]] Dictionary dictionary_of(std::size_t count, At at) const;
    [[nodiscard]] Encoding choose(const Dictionary& dictionary, ZstdWriter& zstd) const;
    void append_values(
        const Range& range, Encoding encoding, const Dictionary& dictionary, std::string& page
    ) const;
    void append_levels(std::size_t first_row, std::size_t rows, std::string& page) const;
    [[nodiscard]] Range next_page(std::size_t row, std::size_t value, Encoding encoding) const;

    Column column_;
    std::size_t rows_ = 0;
    std::vector<std::uint32_t> levels_;   // 1: a value, 0: null; of optional columns
    std::vector<std::uint64_t> numbers_;  // int64 and float64, as their bits
    std::vector<std::uint8_t> booleans_;
    std::string texts_;
    std::vector<std::uint32_t> ends_;  // in texts_
};

}  // namespace penstock::sinks::parquet
