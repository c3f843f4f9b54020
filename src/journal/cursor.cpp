#include "journal/cursor.h"

#include "base/log.h"
#include "base/metrics.h"
#include "journal/format.h"

#include <algorithm>
#include <utility>

namespace penstock::journal {
namespace {

using Path = std::filesystem::path;

constexpr std::string_view kInfix = ".cursor.";
constexpr std::uint64_t kSlots = 2;

Path slot_path(const Path& directory, std::string_view sink, std::uint64_t slot) {
    return directory / (std::string(sink) + std::string(kInfix) + std::to_string(slot));
}

/// The sink of a cursor file's name, or nothing.
std::optional<std::string_view> sink_of(std::string_view name) {
    const auto at = name.rfind(kInfix);
    if (at == std::string_view::npos) return std::nullopt;
    const auto slot = name.substr(at + kInfix.size());
    if (slot != "0" && slot != "1") return std::nullopt;
    return name.substr(0, at);
}

/// Errors: not_found, corrupt, unsupported, io.
Result<CursorImage> read_cursor(Disk& disk, const Path& path) {
    PS_TRY(const auto file, disk.open(path, OpenMode::read));
    PS_TRY(const auto size, file->size());
    if (size > kCursorFileMax)
        return Error{Errc::corrupt, "cursor file is larger than a cursor can be"};
    std::vector<std::byte> bytes(size);
    PS_TRY(const auto got, file->read(bytes, 0));
    bytes.resize(got);
    return decode_cursor(bytes);
}

Error named(const Error& error, const Path& path, std::string_view remedy) {
    return {error.code, path.string() + ": " + error.message + "; " + std::string(remedy)};
}

constexpr std::string_view kRemedy =
    "remove the file to start this sink again at the oldest record";

/// The names in a folder; none when it does not exist.
Result<std::vector<DiskEntry>> names(Disk& disk, const Path& directory) {
    auto entries = disk.list(directory);
    if (!entries && entries.error().code == Errc::not_found) return std::vector<DiskEntry>{};
    return entries;
}

/// Two files of one sink become one line: the newest sound generation, or the problem.
void merge(CursorInfo& into, CursorInfo from) {
    const bool better =
        from.problem.empty() && (!into.problem.empty() || from.generation > into.generation);
    const bool first_problem = into.generation == 0 && into.problem.empty();
    if (better || first_problem) into = std::move(from);
}

CursorInfo describe(Disk& disk, const Path& path, std::string_view sink, const JournalId& journal) {
    CursorInfo info;
    info.sink = sink;
    const auto image = read_cursor(disk, path);
    if (!image) {
        info.problem = path.filename().string() + ": " + image.error().message;
        return info;
    }
    info.lsn = image->lsn;
    info.generation = image->generation;
    info.saved_at = image->saved_at;
    info.state = image->state;
    if (image->journal != journal)
        info.problem = path.filename().string() + ": of journal " + image->journal.text();
    if (image->sink != sink) info.problem = path.filename().string() + ": of another sink";
    return info;
}

}  // namespace

// ---- one cursor ---------------------------------------------------------------------------------

Status Cursor::save(Confirmed confirmed) {
    return save(confirmed, state_);
}

Status Cursor::save(Confirmed confirmed, std::span<const std::byte> state) {
    if (state.size() > kCursorStateMax)
        return Error{Errc::too_large, "cursor: the sink's state is over its bound"};
    if (confirmed.lsn() > store_.options_.durable())
        return Error{Errc::invalid_argument, "cursor: beyond what is durable"};
    if (confirmed.lsn() < lsn() && !confirmed.chosen())
        return Error{Errc::invalid_argument, "cursor: a confirmation cannot move it back"};
    CursorImage image;
    image.journal = store_.options_.journal;
    image.sink = sink_;
    image.generation = generation_ + 1;
    image.lsn = confirmed.lsn();
    image.saved_at = store_.clock_.wall();
    image.state.assign(state.begin(), state.end());
    if (auto written = store_.write(image); !written) {
        errors_->add();
        return written;
    }
    saves_->add();
    generation_ = image.generation;
    state_ = std::move(image.state);
    fresh_ = false;
    lsn_.store(confirmed.lsn().value, std::memory_order_release);
    return {};
}

// ---- all cursors --------------------------------------------------------------------------------

CursorStore::CursorStore(
    Options options, Disk& disk, const Clock& clock, metrics::Registry& registry
)
    : options_(std::move(options)),
      disk_(disk),
      clock_(clock),
      registry_(registry),
      ahead_(registry.counter(
          "penstock_journal_cursor_ahead_total",
          "Cursors found beyond the last record that survived a start."
      )),
      unreadable_(registry.counter(
          "penstock_journal_cursor_unreadable_total",
          "Cursor files that failed their checksum; the generation before was used."
      )) {}

Result<Lsn> CursorStore::highest_seen(Disk& disk, const Path& directory, const JournalId& journal) {
    PS_TRY(const auto entries, names(disk, directory));
    Lsn highest;
    for (const auto& entry : entries) {
        if (!entry.regular || !sink_of(entry.name)) continue;
        const auto path = directory / entry.name;
        const auto image = read_cursor(disk, path);
        if (image && image->journal == journal) highest = std::max(highest, image->lsn);
        if (image || image.error().code == Errc::corrupt || image.error().code == Errc::not_found)
            continue;
        return named(image.error(), path, "run the version that wrote it");
    }
    return highest;
}

Result<std::unique_ptr<CursorStore>> CursorStore::open(
    Options options, Disk& disk, const Clock& clock, metrics::Registry& registry
) {
    PS_CHECK(disk.make_directory(options.directory));
    PS_TRY(const auto entries, disk.list(options.directory));
    for (const auto& entry : entries) {
        if (!entry.regular || !entry.name.ends_with(kTemporarySuffix)) continue;
        log::info("removed a half-written cursor file", {{"file", entry.name}});
        PS_CHECK(disk.remove(options.directory / entry.name));
    }
    return std::unique_ptr<CursorStore>(new CursorStore(std::move(options), disk, clock, registry));
}

Result<CursorPtr> CursorStore::attach(std::string_view sink) {
    if (!valid_sink_id(sink))
        return Error{Errc::invalid_argument, "a sink's name cannot name a file"};
    const std::lock_guard lock(mutex_);
    if (const auto known = attached_.find(sink); known != attached_.end()) return known->second;
    CursorPtr cursor(new Cursor(*this, std::string(sink)));
    PS_CHECK(load(*cursor));
    const metrics::Labels labels{{"sink", cursor->sink_}};
    cursor->saves_ =
        &registry_.counter("penstock_journal_cursor_saves_total", "Cursors made durable.", labels);
    cursor->errors_ = &registry_.counter(
        "penstock_journal_cursor_errors_total", "Cursors that could not be made durable.", labels
    );
    attached_.emplace(cursor->sink_, cursor);
    return cursor;
}

Status CursorStore::load(Cursor& cursor) {
    std::optional<CursorImage> best;
    for (std::uint64_t slot = 0; slot < kSlots; ++slot) {
        const auto path = slot_path(options_.directory, cursor.sink_, slot);
        auto image = read_cursor(disk_, path);
        if (!image && image.error().code == Errc::not_found) continue;
        if (!image && image.error().code == Errc::corrupt) {
            unreadable_.add();
            log::warn(
                "cursor file unreadable", {{"file", path.string()}, {"why", image.error().message}}
            );
            continue;
        }
        if (!image) return named(image.error(), path, kRemedy);
        if (image->journal != options_.journal)
            return Error{
                Errc::conflict,
                path.string() + ": of journal " + image->journal.text() + ", this one is " +
                    options_.journal.text() + "; " + std::string(kRemedy)
            };
        if (image->sink != cursor.sink_)
            return Error{
                Errc::conflict, path.string() + ": of another sink; " + std::string(kRemedy)
            };
        if (!best || image->generation > best->generation) best = std::move(*image);
    }
    if (!best) return {};
    Lsn lsn = best->lsn;
    if (lsn > options_.recovered) {
        ahead_.add();
        log::warn(
            "cursor was beyond the journal",
            {{"sink", cursor.sink_}, {"cursor", lsn.value}, {"journal", options_.recovered.value}}
        );
        lsn = options_.recovered;
    }
    cursor.fresh_ = false;
    cursor.generation_ = best->generation;
    cursor.state_ = std::move(best->state);
    cursor.lsn_.store(lsn.value, std::memory_order_release);
    return {};
}

Status CursorStore::write(const CursorImage& image) {
    const auto path = slot_path(options_.directory, image.sink, image.generation % kSlots);
    const Path temporary = path.string() + std::string(kTemporarySuffix);
    auto file = disk_.open(temporary, OpenMode::create);
    if (!file && file.error().code == Errc::conflict) {  // of a save that failed half-way
        PS_CHECK(disk_.remove(temporary));
        file = disk_.open(temporary, OpenMode::create);
    }
    if (!file) return std::move(file).error();
    PS_CHECK((*file)->write(encode_cursor(image), 0));
    PS_CHECK((*file)->sync());
    PS_CHECK(disk_.rename(temporary, path));
    return disk_.sync_directory(options_.directory);
}

void CursorStore::detach(std::string_view sink) {
    const std::lock_guard lock(mutex_);
    if (const auto known = attached_.find(sink); known != attached_.end()) attached_.erase(known);
}

Status CursorStore::remove(std::string_view sink) {
    if (!valid_sink_id(sink))
        return Error{Errc::invalid_argument, "a sink's name cannot name a file"};
    const std::lock_guard lock(mutex_);
    if (attached_.contains(sink)) return Error{Errc::conflict, "the sink is in use"};
    bool found = false;
    for (std::uint64_t slot = 0; slot < kSlots; ++slot) {
        auto removed = disk_.remove(slot_path(options_.directory, sink, slot));
        if (!removed && removed.error().code != Errc::not_found) return removed;
        found = found || removed.ok();
    }
    if (!found) return Error{Errc::not_found, "no cursor of that sink"};
    return disk_.sync_directory(options_.directory);
}

std::optional<Lsn> CursorStore::lowest() const {
    const std::lock_guard lock(mutex_);
    std::optional<Lsn> lowest;
    for (const auto& [sink, cursor] : attached_)
        if (!lowest || cursor->lsn() < *lowest) lowest = cursor->lsn();
    return lowest;
}

std::vector<CursorPtr> CursorStore::attached() const {
    const std::lock_guard lock(mutex_);
    std::vector<CursorPtr> cursors;
    for (const auto& [sink, cursor] : attached_)
        cursors.push_back(cursor);
    return cursors;
}

Result<std::vector<CursorInfo>> CursorStore::list() const {
    PS_TRY(auto infos, list(disk_, options_.directory, options_.journal));
    const std::lock_guard lock(mutex_);
    for (auto& info : infos)
        info.attached = attached_.contains(info.sink);
    return infos;
}

Result<std::vector<CursorInfo>> CursorStore::list(
    Disk& disk, const Path& directory, const JournalId& journal
) {
    PS_TRY(const auto entries, names(disk, directory));
    std::map<std::string, CursorInfo, std::less<>> by_sink;
    for (const auto& entry : entries) {
        const auto sink = sink_of(entry.name);
        if (!entry.regular || !sink) continue;
        merge(by_sink[std::string(*sink)], describe(disk, directory / entry.name, *sink, journal));
    }
    std::vector<CursorInfo> infos;
    for (auto& [sink, info] : by_sink)
        infos.push_back(std::move(info));
    return infos;
}

}  // namespace penstock::journal
