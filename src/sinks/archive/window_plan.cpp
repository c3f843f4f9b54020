#include "sinks/archive/window_plan.h"

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "sinks/transport/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::sinks {

namespace {

constexpr std::string_view kMagic = "penstock-archive-windows ";
constexpr std::string_view kPlainVersion = "1";  // no tables in it
constexpr std::string_view kVersion = "2";
constexpr std::size_t kFileBytesMax = 64 << 20;

/// Names of types in the file. Persistent: never change them.
constexpr std::array<std::pair<std::string_view, FieldType>, 5> kTypes{
    std::pair{"boolean", FieldType::boolean},
    std::pair{"integer", FieldType::integer},
    std::pair{"number", FieldType::number},
    std::pair{"string", FieldType::string},
    std::pair{"json", FieldType::json},
};

using Table = StreamTables::value_type;

std::string_view take_until(std::string_view& text, char end) {
    const std::size_t at = text.find(end);
    const std::string_view part = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return part;
}

template <class T>
bool read_number(std::string_view text, T& out) {
    const auto value = text::parse_uint(text);
    if (!value) return false;
    out = static_cast<T>(*value);
    return static_cast<std::uint64_t>(out) == *value;
}

std::optional<DeclaredField> parse_field(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto name = text::percent_decoded(text.substr(0, colon));
    const auto* const type = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& t) {
        return t.first == text.substr(colon + 1);
    });
    if (!name || type == kTypes.end()) return std::nullopt;
    return DeclaredField{*std::move(name), type->second};
}

std::optional<Table> parse_table(std::string_view line) {
    auto stream = text::percent_decoded(take_until(line, ' '));
    if (!stream) return std::nullopt;
    std::vector<DeclaredField> fields;
    while (!line.empty()) {
        auto field = parse_field(take_until(line, ' '));
        if (!field) return std::nullopt;
        fields.push_back(*std::move(field));
    }
    return Table(*std::move(stream), std::move(fields));
}

std::string table_line(const Table& table) {
    std::string line = "table ";
    text::append_percent_encoded(line, table.first);
    for (const DeclaredField& field : table.second) {
        const auto* const type = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& t) {
            return t.second == field.type;
        });
        line += ' ';
        text::append_percent_encoded(line, field.name);
        line += ':';
        line += type == kTypes.end() ? "json" : type->first;
    }
    return line + '\n';
}

bool read_tables(std::string_view numbers, const std::vector<Table>& tables, StreamTables& out) {
    while (!numbers.empty()) {
        std::size_t number = 0;
        if (!read_number(take_until(numbers, ','), number) || number >= tables.size()) return false;
        out.insert(tables[number]);
    }
    return true;
}

std::optional<WindowPlan> parse_window(std::string_view line, const std::vector<Table>& tables) {
    std::array<std::string_view, 9> parts;
    for (std::string_view& part : parts)
        part = take_until(line, ' ');
    WindowPlan plan;
    const auto format = archive_format(parts[3]);
    const auto prefix = parts[7] == "-" ? std::string() : text::percent_decoded(parts[7]);
    const bool numbers =
        read_number(parts[0], plan.first.value) && read_number(parts[1], plan.last.value) &&
        read_number(parts[2], plan.bytes) && read_number(parts[4], plan.settings.level) &&
        read_number(parts[5], plan.settings.encoder) && read_number(parts[6], plan.settings.zstd);
    if (!numbers || !format || !prefix || plan.last < plan.first) return std::nullopt;
    if (!read_tables(parts[8], tables, plan.settings.tables)) return std::nullopt;
    plan.settings.format = *format;
    plan.settings.prefix = *prefix;
    return plan;
}

std::string window_line(const WindowPlan& plan, const std::vector<std::size_t>& tables) {
    const WindowSettings& s = plan.settings;
    std::string prefix;
    text::append_percent_encoded(prefix, s.prefix);
    return fmt::format(
        "window {} {} {} {} {} {} {} {}{}{}\n",
        plan.first.value,
        plan.last.value,
        plan.bytes,
        name(s.format),
        s.level,
        s.encoder,
        s.zstd,
        prefix.empty() ? "-" : prefix,
        tables.empty() ? "" : " ",
        fmt::join(tables, ",")
    );
}

Error damaged(std::string_view what) {
    return {Errc::corrupt, "archive windows: " + std::string(what)};
}

}  // namespace

std::string WindowLog::encode(const JournalId& journal, const std::vector<WindowPlan>& windows) {
    std::vector<std::string> tables;  // as lines: windows share them
    std::string lines;
    for (const WindowPlan& plan : windows) {
        std::vector<std::size_t> numbers;
        for (const Table& table : plan.settings.tables) {
            std::string line = table_line(table);
            const auto known = std::find(tables.begin(), tables.end(), line);
            numbers.push_back(static_cast<std::size_t>(known - tables.begin()));
            if (known != tables.end()) continue;
            lines += line;
            tables.push_back(std::move(line));
        }
        lines += window_line(plan, numbers);
    }
    std::string text = fmt::format(
        "{}{}\njournal {}\n", kMagic, tables.empty() ? kPlainVersion : kVersion, journal.text()
    );
    text += lines;
    text += "sha256 " + hex(sha256(text)) + '\n';
    return text;
}

Result<std::vector<WindowPlan>> WindowLog::decode(std::string_view text, const JournalId& journal) {
    if (!text.starts_with(kMagic)) return damaged("no such file");
    const std::string_view version = text.substr(kMagic.size(), text.find('\n') - kMagic.size());
    if (version != kVersion && version != kPlainVersion) {
        return Error{
            Errc::unsupported,
            "archive windows: version " + std::string(text::cut(version, 20)) +
                " is newer than this build"
        };
    }
    const std::size_t sum = text.rfind("sha256 ");
    if (sum == std::string_view::npos ||
        text.substr(sum) != "sha256 " + hex(sha256(text.substr(0, sum))) + '\n') {
        return damaged("the checksum is wrong");
    }
    std::string_view rest = text.substr(0, sum);
    take_until(rest, '\n');
    if (take_until(rest, '\n') != "journal " + journal.text()) return std::vector<WindowPlan>{};
    std::vector<WindowPlan> windows;
    std::vector<Table> tables;
    while (!rest.empty()) {
        std::string_view line = take_until(rest, '\n');
        const std::string_view kind = take_until(line, ' ');
        if (kind == "table") {
            auto table = parse_table(line);
            if (!table) return damaged("a table that is none");
            tables.push_back(*std::move(table));
            continue;
        }
        if (kind != "window") return damaged("an unknown line");
        const auto plan = parse_window(line, tables);
        if (!plan) return damaged("a window that is none");
        windows.push_back(*plan);
    }
    return windows;
}

Result<WindowLog> WindowLog::open(const std::filesystem::path& folder, const JournalId& journal) {
    WindowLog log(folder / "windows", journal);
    PS_CHECK(files::make_private_directory(folder));
    if (!files::exists(log.path_)) return log;
    PS_TRY(const std::string text, files::read(log.path_, kFileBytesMax));
    auto windows = decode(text, journal);
    if (windows.ok()) {
        log.windows_ = *std::move(windows);
        return log;
    }
    if (windows.error().code == Errc::unsupported) return windows.error();
    log::error(
        "archive windows put aside",
        {{"path", log.path_.string()}, {"error", windows.error().message}}
    );
    std::error_code failed;
    std::filesystem::rename(log.path_, folder / "windows.damaged", failed);
    if (failed)
        return Error{Errc::io, "cannot put " + log.path_.string() + " aside: " + failed.message()};
    return log;
}

Status WindowLog::add(const WindowPlan& window) {
    std::vector<WindowPlan> next;
    for (const WindowPlan& old : windows_) {
        if (old.last < window.first || old.first > window.last) next.push_back(old);
    }
    const auto behind = std::find_if(next.begin(), next.end(), [&window](const WindowPlan& old) {
        return old.first > window.last;
    });
    next.insert(behind, window);
    if (next.size() > kKept) next.erase(next.begin());
    PS_CHECK(files::write_durably(path_, encode(journal_, next)));
    windows_ = std::move(next);
    return {};
}

}  // namespace penstock::sinks
