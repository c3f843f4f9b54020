#include "sinks/archive/parquet/page.h"

#include "sinks/archive/parquet/thrift_writer.h"

#include <zlib.h>

namespace penstock::sinks::parquet {

namespace {

std::int32_t crc_of(std::string_view bytes) noexcept {
    const auto* first = reinterpret_cast<const Bytef*>(bytes.data());
    return static_cast<std::int32_t>(crc32_z(0, first, bytes.size()));
}

}  // namespace

void PageWriter::dictionary(std::string_view plain, std::size_t values) {
    write(Kind::dictionary, plain, values, Encoding::plain);
}

void PageWriter::data(std::string_view page, std::size_t rows, Encoding encoding) {
    write(Kind::data, page, rows, encoding);
}

void PageWriter::write(Kind kind, std::string_view page, std::size_t values, Encoding encoding) {
    compressed_.clear();
    zstd_.whole(page, compressed_);
    const std::size_t from = out_.size();
    ThriftWriter header(out_);
    header.i32(1, static_cast<std::int32_t>(kind));
    header.i32(2, static_cast<std::int32_t>(page.size()));
    header.i32(3, static_cast<std::int32_t>(compressed_.size()));
    header.i32(4, crc_of(compressed_));
    header.begin(kind == Kind::data ? 5 : 7);
    header.i32(1, static_cast<std::int32_t>(values));
    header.i32(2, static_cast<std::int32_t>(encoding));
    if (kind == Kind::data) {
        header.i32(3, static_cast<std::int32_t>(Encoding::rle));  // of definition levels
        header.i32(4, static_cast<std::int32_t>(Encoding::rle));  // of repetition levels: none
    }
    header.end();
    header.end();
    bytes_ += out_.size() - from + page.size();
    out_ += compressed_;
}

}  // namespace penstock::sinks::parquet
