#pragma once

#include "base/iso_time.h"
#include "base/text.h"
#include "sinks/archive/parquet/readers.h"
#include "sinks/contract/contract.h"
#include "sinks/declared_fields.h"
#include "sinks/encode/zstd_writer.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::test {

/// Bytes by name.
using Objects = std::map<std::string, std::string>;

/// All objects below a folder, temporary files left out.
[[nodiscard]] inline Objects objects_below(const std::filesystem::path& folder) {
    Objects objects;
    if (!std::filesystem::exists(folder)) return objects;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file()) continue;
        const std::string name = std::filesystem::relative(entry.path(), folder).string();
        if (name.starts_with('.')) continue;
        std::ifstream file(entry.path(), std::ios::binary);
        objects[name] = std::string(std::istreambuf_iterator<char>(file), {});
    }
    return objects;
}

/// The text of an object.
[[nodiscard]] inline std::string text_of(std::string_view object) {
    return sinks::zstd_decompressed(object, std::size_t{1} << 30);
}

[[nodiscard]] inline std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

/// The text of a string member behind `"name":"`, without JSON's escapes.
[[nodiscard]] inline std::string member(std::string_view line, const std::string& name) {
    const std::size_t at = line.find("\"" + name + "\":\"");
    if (at == std::string_view::npos) return {};
    const std::size_t begin = at + name.size() + 4;
    std::size_t end = begin;
    while (end < line.size() && line[end] != '"')
        end += line[end] == '\\' ? 2U : 1U;
    std::string out;
    append_unescaped(
        Field{
            .name = {},
            .text = line.substr(begin, end - begin),
            .type = FieldType::string,
            .escaped = true
        },
        out
    );
    return out;
}

[[nodiscard]] inline std::uint64_t number(std::string_view line, const std::string& name) {
    const std::size_t at = line.find("\"" + name + "\":");
    if (at == std::string_view::npos) return 0;
    const std::string_view rest = line.substr(at + name.size() + 3);
    return text::parse_uint(rest.substr(0, rest.find_first_not_of("0123456789"))).value_or(0);
}

/// What an enriched record says (base/record_json.h).
[[nodiscard]] inline sinks::contract::Arrival arrival_of(std::string_view line) {
    const std::string_view meta = line.substr(line.rfind("\"_penstock\":{"));
    sinks::contract::Arrival arrival;
    arrival.device = member(meta, "device");
    arrival.event_time = parse_iso_time(member(meta, "eventTime")).value_or(0);
    arrival.lsn = Lsn{number(meta, "lsn")};
    arrival.value = std::to_string(number(line, "heartRate"));
    return arrival;
}

/// What a row of a Parquet file says, as ParquetReaders::rows() has it.
[[nodiscard]] inline sinks::contract::Arrival arrival_of_row(std::string_view row) {
    sinks::contract::Arrival arrival;
    arrival.device = member(row, "device");
    arrival.event_time = static_cast<Nanoseconds>(number(row, "event_time")) * 1000;
    arrival.lsn = Lsn{number(row, "lsn")};
    arrival.value = std::to_string(number(row, "heartRate"));
    return arrival;
}

/// What all objects hold, in the order of their names.
[[nodiscard]] inline std::vector<sinks::contract::Arrival> arrivals_in(const Objects& objects) {
    std::vector<sinks::contract::Arrival> all;
    for (const auto& [name, bytes] : objects) {
        if (name.starts_with("manifest/")) continue;
        if (name.ends_with(".parquet")) {
            for (const std::string& row : ParquetReaders::shared()->rows(bytes))
                all.push_back(arrival_of_row(row));
            continue;
        }
        for (const std::string& line : lines_of(text_of(bytes)))
            all.push_back(arrival_of(line));
    }
    return all;
}

/// The fields that the records of the contract's suite have.
[[nodiscard]] inline std::vector<sinks::DeclaredField>
contract_fields(const std::vector<std::string>&) {
    return {{"heartRate", FieldType::integer}};
}

}  // namespace penstock::test
