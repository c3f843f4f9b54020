#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::parquet {

/// Numbers as the formats below write them. Source: Thrift compact protocol, "Integer encoding".
void append_varint(std::uint64_t value, std::string& out);
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
    return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}

/// Writes structs in Thrift's compact protocol: what Parquet's headers and footer are made of.
/// Fields come in the order of their numbers; a struct or list that is begun is ended before its
/// sibling. Source: Apache Thrift, doc/specs/thrift-compact-protocol.md. Threads: owner.
class ThriftWriter {
public:
    /// Appends to `out`, which must live as long as this. The outermost struct is open.
    explicit ThriftWriter(std::string& out) : out_(out), last_{0} {}

    void boolean(std::int16_t field, bool value);
    void i8(std::int16_t field, std::int8_t value);
    void i16(std::int16_t field, std::int16_t value);
    void i32(std::int16_t field, std::int32_t value);
    void i64(std::int16_t field, std::int64_t value);
    void binary(std::int16_t field, std::string_view value);

    /// A struct as a field.
    void begin(std::int16_t field);
    /// A list of structs, each between begin_element() and end(); of numbers; of texts.
    void structs(std::int16_t field, std::size_t count);
    void begin_element() { last_.push_back(0); }
    void numbers(std::int16_t field, const std::vector<std::int32_t>& values);
    void texts(std::int16_t field, const std::vector<std::string_view>& values);
    /// Ends the innermost struct, in the end the outermost.
    void end();

private:
    void header(std::int16_t field, std::uint8_t type);
    void list(std::int16_t field, std::size_t count, std::uint8_t type);

    std::string& out_;
    std::vector<std::int16_t> last_;  // number of the last field, by depth
};

}  // namespace penstock::sinks::parquet
