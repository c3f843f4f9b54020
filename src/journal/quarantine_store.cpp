#include "journal/quarantine_store.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "config/field.h"
#include "journal/format.h"
#include "journal/rewrite.h"

#include <algorithm>
#include <cstdio>

namespace penstock::config {

Table<journal::QuarantineConfig> Fields<journal::QuarantineConfig>::table() {
    using journal::QuarantineConfig;
    return {
        field(
            "max_size",
            &QuarantineConfig::max_size,
            "All copies of records that far sides refused. At the bound the sink that needs room "
            "stops, with an alarm.",
            at_least(1_MiB)
        ),
    };
}

}  // namespace penstock::config

namespace penstock::journal {
namespace {

constexpr std::string_view kSuffix = ".quarantine";
constexpr std::string_view kMarksSuffix = ".marks";

std::string file_name(std::uint64_t number) {
    std::string digits = std::to_string(number);
    return std::string(20 - digits.size(), '0') + digits + std::string(kSuffix);
}

std::optional<std::uint64_t> file_number(std::string_view name) {
    if (!name.ends_with(kSuffix) || name.size() != 20 + kSuffix.size()) return std::nullopt;
    return text::parse_uint(name.substr(0, 20));
}

}  // namespace

QuarantineStore::QuarantineStore(
    Path directory,
    const JournalId& journal,
    QuarantineConfig config,
    Disk& disk,
    const Clock& clock
)
    : directory_(std::move(directory)),
      journal_(journal),
      config_(config),
      disk_(disk),
      clock_(clock) {}

QuarantineStore::~QuarantineStore() = default;

void QuarantineStore::export_metrics(metrics::Registry& registry) {
    exported_.push_back(registry.gauge_fn(
        "penstock_quarantine_size_bytes",
        "Bytes of the copies of refused records.",
        {},
        [this] { return static_cast<double>(bytes()); }
    ));
    exported_.push_back(registry.gauge_fn(
        "penstock_quarantine_max_bytes",
        "The bound of these bytes: a sink that needs more holds.",
        {},
        [this] { return static_cast<double>(bytes_max()); }
    ));
}

Result<std::unique_ptr<QuarantineStore>> QuarantineStore::open(
    Path directory,
    const JournalId& journal,
    QuarantineConfig config,
    Disk& disk,
    const Clock& clock
) {
    PS_CHECK(disk.make_directory(directory));
    std::unique_ptr<QuarantineStore> store(
        new QuarantineStore(std::move(directory), journal, config, disk, clock)
    );
    PS_CHECK(store->find_files());
    PS_CHECK(store->remember_newest());
    return store;
}

Result<std::unique_ptr<QuarantineStore>> QuarantineStore::open_to_read(
    Path directory, const JournalId& journal, Disk& disk, const Clock& clock
) {
    std::unique_ptr<QuarantineStore> store(
        new QuarantineStore(std::move(directory), journal, {}, disk, clock)
    );
    PS_CHECK(store->find_files());
    return store;
}

Status QuarantineStore::find_files() {
    const std::lock_guard lock(mutex_);
    PS_TRY(const auto entries, disk_.list(directory_));
    for (const auto& entry : entries) {
        if (entry.regular && entry.name.ends_with(kMarksSuffix)) PS_CHECK(read_marks(entry));
        const auto number = file_number(entry.name);
        if (!entry.regular || !number) continue;
        files_.emplace(*number, entry.size);
        bytes_ += entry.size;
        number_ = std::max(number_, *number);
    }
    return {};
}

/// Marks that cannot be read settle nothing: what they settled is listed again.
Status QuarantineStore::read_marks(const DiskEntry& entry) {
    PS_TRY(const auto file, disk_.open(directory_ / entry.name, OpenMode::read));
    std::vector<std::byte> bytes(entry.size);
    PS_TRY(const auto got, file->read(bytes, 0));
    auto marks = QuarantineMarks::decode(std::span(bytes).first(got), journal_);
    if (!marks && marks.error().code == Errc::unsupported) return std::move(marks).error();
    if (!marks) {
        log::error(
            "quarantine marks cannot be used: what was redriven or dropped is listed again",
            {{"file", entry.name}, {"why", marks.error().message}}
        );
        return {};
    }
    number_ = std::max(number_, marks->highest().file);
    const auto sink = entry.name.substr(0, entry.name.size() - kMarksSuffix.size());
    marks_.insert_or_assign(sink, std::move(*marks));
    return {};
}

Status QuarantineStore::remember_newest() {
    const std::lock_guard lock(mutex_);
    std::size_t newest = files_.size();
    for (const auto& [number, size] : files_) {
        if (newest-- > 2) continue;
        PS_TRY(const auto settled, open_settled(disk_, path_of(number)));
        auto contents = read_file(number);
        if (!contents && contents.error().code == Errc::corrupt) continue;  // listed as damaged
        if (!contents) return std::move(contents).error();
        if (contents->journal != journal_) continue;
        std::size_t at = kQuarantineFileHeader;
        while (const auto found = next_quarantine_entry(contents->bytes, at)) {
            at = found->next;
            if (is_settled(found->entry.sink, {number, at})) continue;
            remember(found->entry.sink, found->entry.lsn);
        }
    }
    return {};
}

bool QuarantineStore::is_settled(std::string_view sink, QuarantineSpot spot) const {
    const auto marks = marks_.find(sink);
    return marks != marks_.end() && marks->second.settled(spot);
}

QuarantineStore::Path QuarantineStore::path_of(std::uint64_t number) const {
    return directory_ / file_name(number);
}

Result<QuarantineStore::Contents> QuarantineStore::read_file(std::uint64_t number) const {
    const auto path = path_of(number);
    PS_TRY(const auto file, disk_.open(path, OpenMode::read));
    PS_TRY(const auto size, file->size());
    Contents contents;
    contents.bytes.resize(size);
    PS_TRY(const auto got, file->read(contents.bytes, 0));
    contents.bytes.resize(got);
    const std::span<const std::byte> all(contents.bytes);
    auto journal = decode_quarantine_header(all.first(std::min(got, kQuarantineFileHeader)));
    if (!journal)
        return Error{journal.error().code, path.string() + ": " + journal.error().message};
    contents.journal = *journal;
    return contents;
}

void QuarantineStore::remember(std::string_view sink, Lsn lsn) {
    const auto [at, added] = known_.emplace(std::string(sink), lsn.value);
    if (!added) return;
    known_order_.push_back(*at);
    if (known_order_.size() <= kRemembered) return;
    known_.erase(known_order_.front());
    known_order_.pop_front();
}

Status QuarantineStore::append(std::string_view sink, std::span<const RefusedCopy> records) {
    const std::lock_guard lock(mutex_);
    std::vector<std::byte> bytes;
    std::vector<Lsn> fresh;
    for (const auto& record : records) {
        if (known_.contains({std::string(sink), record.lsn.value})) continue;
        const auto entry =
            encode_quarantine_entry(sink, record.lsn, clock_.wall(), record.reason, record.record);
        bytes.insert(bytes.end(), entry.begin(), entry.end());
        fresh.push_back(record.lsn);
    }
    if (fresh.empty()) return {};
    const std::uint64_t header = file_ ? 0 : kQuarantineFileHeader;
    if (bytes_ + header + bytes.size() > config_.max_size.value)
        return Error{Errc::full, "quarantine is full (quarantine.max_size)"};
    PS_CHECK(write(bytes));
    for (const auto lsn : fresh)
        remember(sink, lsn);
    return {};
}

Status QuarantineStore::write(std::span<const std::byte> bytes) {
    if (file_ && end_ >= kFileSize) file_.reset();
    if (!file_) PS_CHECK(begin_file());
    auto written = file_->write(bytes, end_);
    const bool no_room = !written && written.error().code == Errc::full;
    if (no_room && file_->resize(end_).ok()) return written;
    if (written) written = file_->sync();
    if (!written) {
        abandon_file(bytes.size());
        return written;
    }
    grow(bytes.size());
    return {};
}

void QuarantineStore::abandon_file(std::uint64_t written) {
    file_.reset();
    if (end_ > kQuarantineFileHeader || !disk_.remove(path_of(number_))) {
        grow(written);  // whatever is in it, it takes room
        return;
    }
    bytes_ -= end_;
    files_.erase(number_);
}

void QuarantineStore::grow(std::uint64_t by) {
    end_ += by;
    bytes_ += by;
    files_[number_] = end_;
}

Status QuarantineStore::begin_file() {
    ++number_;
    PS_TRY(file_, disk_.open(path_of(number_), OpenMode::create));
    end_ = 0;
    auto begun = file_->write(encode_quarantine_header(journal_), 0);
    if (begun) begun = file_->sync();
    if (begun) begun = disk_.sync_directory(directory_);
    grow(kQuarantineFileHeader);
    if (!begun) abandon_file(0);
    return begun;
}

Result<QuarantinePage> QuarantineStore::list(const QuarantineQuery& query) const {
    if (query.limit < 1 || query.limit > 1000)
        return Error{Errc::invalid_argument, "limit must be 1 to 1000"};
    const QuarantineSpot from = query.after;
    std::vector<std::uint64_t> numbers;
    {
        const std::lock_guard lock(mutex_);
        for (auto it = files_.lower_bound(from.file); it != files_.end(); ++it)
            numbers.push_back(it->first);
    }
    QuarantinePage page;
    std::size_t bytes = 0;
    for (const auto number : numbers) {
        const QuarantineSpot spot{number, number == from.file ? from.offset : 0};
        PS_TRY(const bool goes_on, list_file(spot, query, bytes, page));
        if (!goes_on) break;
    }
    return page;
}

Result<bool> QuarantineStore::list_file(
    const QuarantineSpot& spot,
    const QuarantineQuery& query,
    std::size_t& bytes,
    QuarantinePage& page
) const {
    const auto contents = read_file(spot.file);
    if (!contents && contents.error().code == Errc::not_found) return true;  // discarded meanwhile
    if (!contents && contents.error().code == Errc::corrupt) {
        log::warn("quarantine file unreadable", {{"why", contents.error().message}});
        return true;
    }
    if (!contents) return contents.error();
    std::size_t at = std::max<std::size_t>(spot.offset, kQuarantineFileHeader);
    for (;;) {
        auto found = next_quarantine_entry(contents->bytes, at);
        if (!found) break;
        page.damaged_bytes += found->at - at;
        const QuarantineSpot begin{spot.file, found->at};
        at = found->next;
        if (!query.sink.empty() && found->entry.sink != query.sink) continue;
        {
            const std::lock_guard lock(mutex_);
            if (is_settled(found->entry.sink, {spot.file, at})) continue;
        }
        if (page.entries.size() >= query.limit || bytes >= kPageBytes) {
            page.next = page.entries.back().spot;
            return false;
        }
        bytes += found->entry.record.size();
        QuarantineListed listed;
        listed.entry = std::move(found->entry);
        listed.journal = contents->journal;
        listed.spot = {spot.file, at};
        listed.after = begin;
        page.entries.push_back(std::move(listed));
    }
    return true;
}

Status QuarantineStore::settle(const QuarantineSettling& settling) {
    const std::lock_guard lock(mutex_);
    const auto known = marks_.find(settling.sink);
    QuarantineMarks marks = known == marks_.end() ? QuarantineMarks() : known->second;
    if (marks.counts.base != settling.base) marks.counts = {settling.base, 0, 0};
    std::set<Lsn> counted;
    for (const auto& entry : settling.entries) {
        if (marks.settled(entry.spot)) continue;
        PS_CHECK(marks.settle(entry.after, entry.spot));
        if (entry.lsn > settling.base) counted.insert(entry.lsn);
    }
    const bool redriven = settling.fate == QuarantineFate::redriven;
    (redriven ? marks.counts.redriven : marks.counts.dropped) += counted.size();
    const std::string sink(settling.sink);
    const auto path = directory_ / (sink + std::string(kMarksSuffix));
    PS_CHECK(write_file_durably(disk_, path, marks.encode(journal_)));
    marks_.insert_or_assign(sink, std::move(marks));
    for (const auto& entry : settling.entries)
        known_.erase({sink, entry.lsn.value});
    return {};
}

Result<bool> QuarantineStore::all_settled(std::uint64_t number) const {
    PS_TRY(const auto contents, read_file(number));
    std::size_t at = kQuarantineFileHeader;
    while (const auto found = next_quarantine_entry(contents.bytes, at)) {
        const bool damage = found->at != at;  // kept: for somebody to look at
        at = found->next;
        if (damage || !is_settled(found->entry.sink, {number, at})) return false;
    }
    return true;
}

Status QuarantineStore::sweep() {
    const std::lock_guard lock(mutex_);
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, size] : files_)
        numbers.push_back(number);
    bool any = false;
    for (const auto number : numbers) {
        const auto gone = all_settled(number);
        if (!gone && gone.error().code != Errc::corrupt) return gone.error();
        if (!gone || !*gone) continue;
        if (number == number_) file_.reset();
        auto removed = disk_.remove(path_of(number));
        if (!removed && removed.error().code != Errc::not_found) return removed;
        bytes_ -= files_[number];
        files_.erase(number);
        any = true;
    }
    return any ? disk_.sync_directory(directory_) : Status();
}

QuarantineCounts QuarantineStore::counts(std::string_view sink, Lsn base) const {
    const std::lock_guard lock(mutex_);
    const auto marks = marks_.find(sink);
    if (marks == marks_.end() || marks->second.counts.base != base) return {base, 0, 0};
    return marks->second.counts;
}

std::uint64_t QuarantineStore::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

}  // namespace penstock::journal
