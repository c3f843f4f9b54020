#include "sinks/archive/manifest.h"

#include "base/files.h"
#include "base/iso_time.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/text.h"
#include "sinks/archive/object_name.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::sinks {

namespace {

constexpr std::string_view kKind = "archive manifest";
constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kFileBytesMax = 64 << 20;

using Json = simdjson::dom::element;

Error malformed(std::string_view what) {
    return {Errc::malformed, "no archive manifest: " + std::string(what)};
}

Result<std::string> text_of(const Json& object, std::string_view name) {
    std::string_view text;
    if (object[name].get_string().get(text) != simdjson::SUCCESS) return malformed(name);
    return std::string(text);
}

Result<std::uint64_t> number_of(const Json& object, std::string_view name) {
    std::uint64_t number = 0;
    if (object[name].get_uint64().get(number) != simdjson::SUCCESS) return malformed(name);
    return number;
}

Result<JournalId> journal_of(std::string_view digits) {
    JournalId journal;
    if (digits.size() != 2 * journal.bytes.size()) return malformed("journal");
    std::string bytes;
    for (std::size_t i = 0; i < digits.size(); i += 2)
        bytes += '%' + std::string(digits.substr(i, 2));
    const auto decoded = text::percent_decoded(bytes);
    if (!decoded) return malformed("journal");
    for (std::size_t i = 0; i < journal.bytes.size(); ++i)
        journal.bytes[i] = static_cast<std::uint8_t>((*decoded)[i]);
    return journal;
}

Status read_ranges(const Json& document, LsnRanges& ranges) {
    simdjson::dom::array list;
    if (document["ranges"].get_array().get(list) != simdjson::SUCCESS) return malformed("ranges");
    for (const Json range : list) {
        LsnRange read;
        if (range.at(0).get_uint64().get(read.first.value) != simdjson::SUCCESS ||
            range.at(1).get_uint64().get(read.last.value) != simdjson::SUCCESS ||
            read.last < read.first)
            return malformed("ranges");
        add_range(ranges, read);
    }
    return {};
}

Result<ManifestEntry> entry_of(const Json& object) {
    ManifestEntry entry;
    PS_TRY(entry.name, text_of(object, "name"));
    PS_TRY(entry.range.first.value, number_of(object, "first"));
    PS_TRY(entry.range.last.value, number_of(object, "last"));
    PS_TRY(entry.records, number_of(object, "records"));
    PS_TRY(entry.bytes, number_of(object, "bytes"));
    PS_TRY(entry.sha256, text_of(object, "sha256"));
    return entry;
}

Status read_previous(const Json& document, ManifestLink& link) {
    Json previous;
    if (document["previous"].get(previous) == simdjson::NO_SUCH_FIELD) return {};
    PS_TRY(link.name, text_of(previous, "name"));
    PS_TRY(link.sha256, text_of(previous, "sha256"));
    return {};
}

std::filesystem::path file_in(const std::filesystem::path& folder) {
    return folder / "manifest";
}

}  // namespace

std::string encode(const Manifest& manifest) {
    std::string out = fmt::format(
        R"({{"penstock":"{}","version":{},"journal":"{}","sink":)",
        kKind,
        kVersion,
        manifest.journal.text()
    );
    append_json_string(manifest.sink, out);
    out += ",\"begun\":\"";
    append_iso_time(manifest.begun, out);
    out += fmt::format("\",\"accounted\":{},", manifest.accounted.value);
    if (!manifest.previous.name.empty()) {
        out += "\"previous\":{\"name\":";
        append_json_string(manifest.previous.name, out);
        out += fmt::format(",\"sha256\":\"{}\"}},", manifest.previous.sha256);
    }
    out += "\"ranges\":[";
    for (std::size_t i = 0; i < manifest.ranges.size(); ++i) {
        const LsnRange& range = manifest.ranges[i];
        out += fmt::format("{}[{},{}]", i == 0 ? "" : ",", range.first.value, range.last.value);
    }
    out += "],\"objects\":[";
    for (std::size_t i = 0; i < manifest.objects.size(); ++i) {
        const ManifestEntry& entry = manifest.objects[i];
        out += i == 0 ? "\n{\"name\":" : ",\n{\"name\":";
        append_json_string(entry.name, out);
        out += fmt::format(
            R"(,"first":{},"last":{},"records":{},"bytes":{},"sha256":"{}"}})",
            entry.range.first.value,
            entry.range.last.value,
            entry.records,
            entry.bytes,
            entry.sha256
        );
    }
    return out + "\n]}\n";
}

Result<Manifest> decode_manifest(std::string_view text) {
    simdjson::dom::parser parser;
    Json document;
    if (parser.parse(text.data(), text.size()).get(document) != simdjson::SUCCESS)
        return malformed("not JSON");
    PS_TRY(const std::string kind, text_of(document, "penstock"));
    if (kind != kKind) return malformed("of another kind");
    PS_TRY(const std::uint64_t version, number_of(document, "version"));
    if (version != kVersion)
        return Error{
            Errc::unsupported, fmt::format("archive manifest: unknown version {}", version)
        };
    Manifest manifest;
    PS_TRY(const std::string journal, text_of(document, "journal"));
    PS_TRY(manifest.journal, journal_of(journal));
    PS_TRY(manifest.sink, text_of(document, "sink"));
    PS_TRY(const std::string begun, text_of(document, "begun"));
    const auto time = parse_iso_time(begun);
    if (!time) return malformed("begun");
    manifest.begun = *time;
    PS_TRY(manifest.accounted.value, number_of(document, "accounted"));
    PS_CHECK(read_previous(document, manifest.previous));
    PS_CHECK(read_ranges(document, manifest.ranges));
    simdjson::dom::array objects;
    if (document["objects"].get_array().get(objects) != simdjson::SUCCESS)
        return malformed("objects");
    for (const Json object : objects) {
        PS_TRY(ManifestEntry entry, entry_of(object));
        manifest.objects.push_back(std::move(entry));
    }
    return manifest;
}

LsnRange Manifest::span() const noexcept {
    if (ranges.empty() && objects.empty()) return {};
    LsnRange span{Lsn{~std::uint64_t{0}}, Lsn{}};
    const auto take = [&span](const LsnRange& range) {
        span = {std::min(span.first, range.first), std::max(span.last, range.last)};
    };
    std::ranges::for_each(ranges, take);
    std::ranges::for_each(objects, take, &ManifestEntry::range);
    return span;
}

std::string manifest_folder(std::string_view prefix, std::string_view sink) {
    return fmt::format("{}manifest/{}/", prefix, sink);
}

std::string manifest_hour(Nanoseconds begun) {
    const std::chrono::sys_time<std::chrono::hours> hour{std::chrono::hours(event_hour(begun))};
    const auto day = std::chrono::floor<std::chrono::days>(hour);
    const std::chrono::year_month_day date(day);
    return fmt::format(
        "date={:04}-{:02}-{:02}/hour={:02}/",
        int{date.year()},
        unsigned{date.month()},
        unsigned{date.day()},
        (hour - day).count()
    );
}

std::string manifest_name(std::string_view prefix, const Manifest& manifest) {
    const LsnRange span = manifest.span();
    return fmt::format(
        "{}{}{}-{:020}-{:020}.json",
        manifest_folder(prefix, manifest.sink),
        manifest_hour(manifest.begun),
        manifest.journal.text(),
        span.first.value,
        span.last.value
    );
}

Result<std::optional<Manifest>> ManifestLog::read(const std::filesystem::path& folder) {
    if (!files::exists(file_in(folder))) return std::optional<Manifest>();
    PS_TRY(const std::string text, files::read(file_in(folder), kFileBytesMax));
    PS_TRY(Manifest manifest, decode_manifest(text));
    return std::optional<Manifest>(std::move(manifest));
}

Result<ManifestLog> ManifestLog::open(const std::filesystem::path& folder, Owner owner) {
    PS_CHECK(files::make_private_directory(folder));
    ManifestLog log(file_in(folder), std::move(owner));
    auto kept = read(folder);
    if (!kept.ok() && kept.error().code != Errc::malformed) return std::move(kept).error();
    if (kept.ok() && !*kept) return log;
    if (kept.ok() && (*kept)->journal == log.manifest_.journal) {
        log.manifest_ = **std::move(kept);
        return log;
    }
    log::warn("archive manifest put aside", {{"path", file_in(folder).string()}});
    std::error_code failed;
    std::filesystem::rename(file_in(folder), folder / "manifest.aside", failed);
    if (failed) return Error{Errc::io, "cannot put an archive manifest aside: " + failed.message()};
    return log;
}

void ManifestLog::start(Lsn safe) {
    next_from_ = safe;
    if (manifest_.accounted.value > 0) next_from_ = std::min(safe, manifest_.accounted);
}

Status ManifestLog::add(Lsn last, std::vector<ManifestEntry> objects, Nanoseconds wall) {
    Manifest next = manifest_;
    if (next.ranges.empty() && next.objects.empty()) next.begun = wall;
    if (!replay_) {
        next.accounted = std::max(next.accounted, last);
        add_range(next.ranges, {next_from_.next(), last});
    }
    for (ManifestEntry& entry : objects) {
        if (std::ranges::find(next.objects, entry) == next.objects.end())
            next.objects.push_back(std::move(entry));
    }
    PS_CHECK(files::write_durably(path_, encode(next)));
    manifest_ = std::move(next);
    next_from_ = last;
    return {};
}

bool ManifestLog::due(Nanoseconds wall) const {
    if (manifest_.objects.empty()) return false;
    if (replay_) return true;  // its state ends with it
    // A clock that was set back ends it, too.
    return manifest_.objects.size() >= kObjectsMax || wall - manifest_.begun >= kAge ||
           wall < manifest_.begun;
}

Status ManifestLog::follow(ManifestLink stored) {
    Manifest next;
    next.journal = manifest_.journal;
    next.sink = manifest_.sink;
    next.accounted = manifest_.accounted;
    next.previous = std::move(stored);
    PS_CHECK(files::write_durably(path_, encode(next)));
    manifest_ = std::move(next);
    return {};
}

}  // namespace penstock::sinks
