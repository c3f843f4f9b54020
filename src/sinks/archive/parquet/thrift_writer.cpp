#include "sinks/archive/parquet/thrift_writer.h"

namespace penstock::sinks::parquet {

namespace {

constexpr std::uint8_t kTrue = 1;
constexpr std::uint8_t kFalse = 2;
constexpr std::uint8_t kI8 = 3;
constexpr std::uint8_t kI16 = 4;
constexpr std::uint8_t kI32 = 5;
constexpr std::uint8_t kI64 = 6;
constexpr std::uint8_t kBinary = 8;
constexpr std::uint8_t kList = 9;
constexpr std::uint8_t kStruct = 12;

/// Up to these a field's distance and a list's size share a byte with the type.
constexpr int kShortDistance = 15;
constexpr std::size_t kShortList = 14;

}  // namespace

void append_varint(std::uint64_t value, std::string& out) {
    while (value >= 0x80) {
        out += static_cast<char>(static_cast<std::uint8_t>(value | 0x80U));
        value >>= 7U;
    }
    out += static_cast<char>(static_cast<std::uint8_t>(value));
}

void ThriftWriter::header(std::int16_t field, std::uint8_t type) {
    const int distance = field - last_.back();
    if (distance > 0 && distance <= kShortDistance) {
        out_ += static_cast<char>(static_cast<std::uint8_t>(distance << 4 | type));
    } else {
        out_ += static_cast<char>(type);
        append_varint(zigzag(field), out_);
    }
    last_.back() = field;
}

void ThriftWriter::list(std::int16_t field, std::size_t count, std::uint8_t type) {
    header(field, kList);
    if (count <= kShortList) {
        out_ += static_cast<char>(static_cast<std::uint8_t>(count << 4U | type));
        return;
    }
    out_ += static_cast<char>(static_cast<std::uint8_t>(0xf0U | type));
    append_varint(count, out_);
}

void ThriftWriter::boolean(std::int16_t field, bool value) {
    header(field, value ? kTrue : kFalse);
}

void ThriftWriter::i8(std::int16_t field, std::int8_t value) {
    header(field, kI8);
    out_ += static_cast<char>(value);
}

void ThriftWriter::i16(std::int16_t field, std::int16_t value) {
    header(field, kI16);
    append_varint(zigzag(value), out_);
}

void ThriftWriter::i32(std::int16_t field, std::int32_t value) {
    header(field, kI32);
    append_varint(zigzag(value), out_);
}

void ThriftWriter::i64(std::int16_t field, std::int64_t value) {
    header(field, kI64);
    append_varint(zigzag(value), out_);
}

void ThriftWriter::binary(std::int16_t field, std::string_view value) {
    header(field, kBinary);
    append_varint(value.size(), out_);
    out_ += value;
}

void ThriftWriter::begin(std::int16_t field) {
    header(field, kStruct);
    last_.push_back(0);
}

void ThriftWriter::structs(std::int16_t field, std::size_t count) {
    list(field, count, kStruct);
}

void ThriftWriter::numbers(std::int16_t field, const std::vector<std::int32_t>& values) {
    list(field, values.size(), kI32);
    for (const std::int32_t value : values)
        append_varint(zigzag(value), out_);
}

void ThriftWriter::texts(std::int16_t field, const std::vector<std::string_view>& values) {
    list(field, values.size(), kBinary);
    for (const std::string_view value : values) {
        append_varint(value.size(), out_);
        out_ += value;
    }
}

void ThriftWriter::end() {
    out_ += '\0';
    last_.pop_back();
}

}  // namespace penstock::sinks::parquet
