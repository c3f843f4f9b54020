#pragma once

#include "sinks/archive/parquet/encoding.h"
#include "sinks/encode/zstd_writer.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::sinks::parquet {

/// Appends pages with their headers: version 1, compressed with zstd, with a CRC-32 over the
/// compressed bytes. Source: parquet.thrift, "PageHeader"; Apache Parquet format 2.11, README,
/// "Checksumming".
/// Threads: owner.
class PageWriter {
public:
    /// Both must live as long as this.
    PageWriter(ZstdWriter& zstd, std::string& out) : zstd_(zstd), out_(out) {}

    /// The distinct values, plain.
    void dictionary(std::string_view plain, std::size_t values);
    /// Levels and values of so many rows.
    void data(std::string_view page, std::size_t rows, Encoding encoding);

    /// Headers and pages before compression, so far.
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    enum class Kind : std::uint8_t { data = 0, dictionary = 2 };

    void write(Kind kind, std::string_view page, std::size_t values, Encoding encoding);

    ZstdWriter& zstd_;
    std::string& out_;
    std::string compressed_;
    std::size_t bytes_ = 0;
};

}  // namespace penstock::sinks::parquet
