#include "journal/history.h"

#include "base/text.h"
#include "journal/record_fetcher.h"

#include <algorithm>
#include <map>
#include <queue>
#include <utility>

namespace penstock::journal {
namespace {

/// A call starts anew when retention takes away what it was about to read; at most so often.
constexpr int kTriesMax = 16;

bool gone(const Error& error) {
    return error.code == Errc::not_found;
}

// ---- where the next page begins -----------------------------------------------------------------

/// `<event time>.<LSN>` of the last record of the page before.
std::string cursor_text(const Posting& last) {
    return std::to_string(last.event_time) + '.' + std::to_string(last.lsn.value);
}

Result<std::optional<Posting>> parse_cursor(std::string_view cursor) {
    if (cursor.empty()) return std::optional<Posting>{};
    const auto dot = cursor.find('.');
    const auto time = text::parse_int(cursor.substr(0, dot));
    const auto lsn =
        dot == std::string_view::npos ? std::nullopt : text::parse_uint(cursor.substr(dot + 1));
    if (!time || !lsn) return Error{Errc::invalid_argument, "`after` is not from an earlier page"};
    return std::optional<Posting>(Posting{{*lsn}, *time});
}

// ---- the newest records of a device -------------------------------------------------------------

/// Keeps the newest so many of what it is shown.
class Newest {
public:
    Newest(const HistoryQuery& query, std::optional<Posting> below)
        : query_(query), below_(below), room_(query.limit + std::size_t{1}) {}

    /// Could anything between these event times still count?
    [[nodiscard]] bool wants(Nanoseconds oldest, Nanoseconds newest) const {
        if (newest < query_.from || oldest >= query_.to) return false;
        if (below_ && oldest > below_->event_time) return false;
        return heap_.size() < room_ || newest >= heap_.top().event_time;
    }
    void show(const Posting& posting) {
        if (posting.event_time < query_.from || posting.event_time >= query_.to) return;
        if (below_ && posting >= *below_) return;
        if (heap_.size() >= room_ && posting <= heap_.top()) return;
        heap_.push(posting);
        if (heap_.size() > room_) heap_.pop();
    }
    /// Newest first.
    [[nodiscard]] std::vector<Posting> take() {
        std::vector<Posting> sorted;
        for (; !heap_.empty(); heap_.pop())
            sorted.push_back(heap_.top());
        std::ranges::reverse(sorted);
        return sorted;
    }

private:
    const HistoryQuery& query_;
    const std::optional<Posting> below_;
    const std::size_t room_;  // one more than the page: tells whether there is a next one
    std::priority_queue<Posting, std::vector<Posting>, std::greater<>> heap_;
};

/// Does a record filed under `stream` answer a query for `asked`?
bool answers(std::string_view asked, std::string_view stream) {
    return asked.empty() ? stream != kQuarantineStream : stream == asked;
}

Status show_segment(
    const SegmentInfo& segment, IndexKeeper& keeper, const HistoryQuery& query, Newest& newest
) {
    PS_TRY(const auto streams, keeper.streams_of(segment));
    const bool wanted = std::ranges::any_of(streams, [&](const StreamSpan& span) {
        return answers(query.stream, span.stream) && newest.wants(span.oldest, span.newest);
    });
    if (!wanted) return {};
    PS_TRY(const auto index, keeper.index_of(segment));
    PS_TRY(const auto entries, index->find(query.device));
    // Asked after find(): an open segment may have got a stream meanwhile.
    const auto names = index->streams();
    for (const auto& entry : entries) {
        if (!answers(query.stream, names[entry.stream].stream)) continue;
        if (!newest.wants(entry.oldest, entry.newest.event_time)) continue;
        PS_TRY(const auto postings, index->postings(entry));
        for (const auto& posting : postings)
            newest.show(posting);
    }
    return {};
}

/// The newer of `best` and the device's newest record in the segment.
Result<std::optional<Posting>> newest_in(
    const SegmentInfo& segment,
    std::string_view device,
    std::optional<Posting> best,
    IndexKeeper& keeper
) {
    PS_TRY(const auto streams, keeper.streams_of(segment));
    const bool wanted = std::ranges::any_of(streams, [&](const StreamSpan& span) {
        return span.stream != kQuarantineStream && (!best || span.newest > best->event_time);
    });
    if (!wanted) return best;
    PS_TRY(const auto index, keeper.index_of(segment));
    PS_TRY(const auto entries, index->find(device));
    const auto names = index->streams();
    for (const auto& entry : entries) {
        if (names[entry.stream].stream == kQuarantineStream) continue;
        if (!best || entry.newest > *best) best = entry.newest;
    }
    return best;
}

/// Fills the page with as many of `found` as its bounds allow.
Status fill(
    const std::vector<Posting>& found,
    std::uint32_t limit,
    RecordFetcher& fetcher,
    HistoryPage& page
) {
    std::vector<Lsn> lsns;
    for (const auto& posting : found)
        lsns.push_back(posting.lsn);
    PS_CHECK(fetcher.announce(std::move(lsns)));
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        if (i == limit || bytes >= JournalHistory::kPageBytes) {
            page.next = cursor_text(found[i - 1]);
            break;
        }
        auto record = fetcher.get(found[i].lsn);
        if (!record) {
            const auto code = record.error().code;
            if (code == Errc::not_found || code == Errc::corrupt) continue;
            return std::move(record).error();
        }
        bytes += record->record.bytes().size();
        page.records.push_back(std::move(*record));
    }
    return {};
}

// ---- devices ------------------------------------------------------------------------------------

/// The first so many devices by name, their shares of all segments added up.
class DeviceMerge {
public:
    explicit DeviceMerge(std::size_t limit) : limit_(limit) {}

    void add(const DeviceSpan& entry, std::string_view stream) {
        const auto [at, fresh] = summaries_.try_emplace(entry.device);
        auto& [newest, summary] = at->second;
        if (fresh || entry.newest > newest) {
            newest = entry.newest;
            summary.stream = stream;
            summary.last_event_time = newest.event_time;
            summary.last_lsn = newest.lsn;
        }
        summary.records += entry.records;
        // One more than the page: tells whether there is a next one.
        if (summaries_.size() > limit_ + 1) summaries_.erase(std::prev(summaries_.end()));
    }
    [[nodiscard]] DevicePage take() {
        DevicePage page;
        for (auto& [device, known] : summaries_) {
            if (page.devices.size() == limit_) {
                page.next = page.devices.back().device;
                break;
            }
            known.second.device = device;
            page.devices.push_back(std::move(known.second));
        }
        return page;
    }

private:
    const std::size_t limit_;
    std::map<std::string, std::pair<Posting, DeviceSummary>> summaries_;
};

}  // namespace

// ---- cache --------------------------------------------------------------------------------------

std::optional<LatestKnown> LatestCache::find(std::string_view device) {
    const std::lock_guard lock(mutex_);
    const auto found = by_device_.find(device);
    if (found == by_device_.end()) return std::nullopt;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->known;
}

void LatestCache::put(std::string_view device, const LatestKnown& known) {
    const std::lock_guard lock(mutex_);
    if (const auto found = by_device_.find(device); found != by_device_.end()) {
        if (found->second->known.through <= known.through) found->second->known = known;
        return;
    }
    entries_.push_front({std::string(device), known});
    by_device_.emplace(entries_.front().device, entries_.begin());
    if (entries_.size() <= kDevicesMax) return;
    by_device_.erase(entries_.back().device);
    entries_.pop_back();
}

std::size_t LatestCache::size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

// ---- history ------------------------------------------------------------------------------------

JournalHistory::JournalHistory(const LogParts& log, IndexKeeper& keeper)
    : log_(log), keeper_(keeper) {}

std::vector<SegmentInfo> JournalHistory::segments() const {
    auto segments = log_.segments.all();
    std::ranges::reverse(segments);
    return segments;
}

void JournalHistory::wait_until_fresh() const {
    (void)keeper_.wait_for(log_.tail.durable(), kFreshWait);
}

Result<StoredRecord> JournalHistory::latest(std::string_view device) {
    wait_until_fresh();
    for (int i = 0; i < kTriesMax; ++i) {
        const auto newest = newest_of(device);
        if (!newest && gone(newest.error())) continue;
        if (!newest) return newest.error();
        if (!*newest) return Error{Errc::not_found, "no record of this device is kept"};
        RecordFetcher fetcher(log_, keeper_);
        PS_CHECK(fetcher.announce({(*newest)->lsn}));
        auto record = fetcher.get((*newest)->lsn);
        if (record || !gone(record.error())) return record;
    }
    return Error{Errc::unavailable, "records are deleted faster than they are found"};
}

/// Newest segment first. An older segment can only win with a later event time, so most are passed
/// over by their summary; what is found is remembered for the sealed ones. Errors: not_found
/// (nothing was found, and some of what was to be looked at is gone meanwhile), io.
Result<std::optional<Posting>> JournalHistory::newest_of(std::string_view device) {
    const auto all = segments();
    const Lsn oldest = all.empty() ? Lsn{} : all.back().first;
    auto cached = latest_.find(device);
    if (cached && cached->newest.lsn < oldest) cached.reset();
    std::optional<Posting> best;
    std::uint64_t newest_sealed = 0;
    bool missed = false;
    for (const auto& segment : all) {
        if (segment.sealed) newest_sealed = std::max(newest_sealed, segment.number);
        if (cached && segment.number <= cached->through) {
            if (!best || cached->newest > *best) best = cached->newest;
            break;
        }
        auto found = newest_in(segment, device, best, keeper_);
        if (!found && !gone(found.error())) return found;
        if (found) {
            best = *found;
        } else {
            missed = true;
        }
    }
    if (!best && missed) return Error{Errc::not_found, "its segments are gone"};
    if (best && newest_sealed != 0) latest_.put(device, {newest_sealed, *best});
    return best;
}

Result<HistoryPage> JournalHistory::query(const HistoryQuery& query) {
    if (query.limit < 1 || query.limit > kLimitMax)
        return Error{Errc::invalid_argument, "limit must be 1 to 10000"};
    PS_TRY(const auto below, parse_cursor(query.after));
    wait_until_fresh();
    Newest newest(query, below);
    for (const auto& segment : segments()) {
        const auto shown = show_segment(segment, keeper_, query, newest);
        if (!shown && !gone(shown.error())) return shown.error();
    }
    HistoryPage page;
    RecordFetcher fetcher(log_, keeper_);
    PS_CHECK(fill(newest.take(), query.limit, fetcher, page));
    return page;
}

Result<DevicePage> JournalHistory::devices(std::string_view after, std::uint32_t limit) {
    if (limit < 1 || limit > kLimitMax)
        return Error{Errc::invalid_argument, "limit must be 1 to 10000"};
    wait_until_fresh();
    DeviceMerge merge(limit);
    for (const auto& segment : segments()) {
        const auto index = keeper_.index_of(segment);
        if (!index && gone(index.error())) continue;
        if (!index) return index.error();
        auto entries = (*index)->page(after, limit + std::size_t{1});
        if (!entries && gone(entries.error())) continue;
        if (!entries) return std::move(entries).error();
        const auto names = (*index)->streams();
        for (const auto& entry : *entries)
            merge.add(entry, names[entry.stream].stream);
    }
    return merge.take();
}

std::unique_ptr<LogReader> JournalHistory::tail() {
    auto reader = std::make_unique<Reader>(log_.disk, log_.tail, log_.segments);
    reader->seek(log_.tail.durable().next());
    return reader;
}

}  // namespace penstock::journal
