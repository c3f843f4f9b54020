#include "journal/index_keeper.h"

#include "base/log.h"
#include "base/metrics.h"
#include "journal/journal.h"
#include "journal/rewrite.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace penstock::journal {
namespace {

/// How often the thread looks after sealed segments when nothing comes in, and how often it builds
/// a missing index when records never cease.
constexpr auto kIdleWait = std::chrono::nanoseconds(std::chrono::seconds(1));
constexpr auto kBuildInterval = std::chrono::seconds(5);

/// How far the index may be behind a steady flow. Who asks for history waits that long.
constexpr Nanoseconds kGather = 5 * kMillisecond;

std::optional<SegmentInfo> by_number(const SegmentList& segments, std::uint64_t number) {
    for (auto& segment : segments.all())
        if (segment.number == number) return std::move(segment);
    return std::nullopt;
}

/// Waits for stop, a while at most.
void pause(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait_for(lock, stop, kIdleWait, [] { return false; });
}

FramePlace place_of(const FrameHeader& header) {
    FramePlace place;
    place.first = {header.first};
    place.count = header.count;
    place.offset = header.offset;
    place.size = sizeof(FrameHeader) + header.payload_bytes;
    return place;
}

}  // namespace

LogParts LogParts::of(Journal& journal) {
    return {journal.disk(), journal.tail(), journal.segments(), journal.id()};
}

Result<std::unique_ptr<OpenIndex>> build_index(
    Disk& disk, const SegmentInfo& segment, const JournalId& journal, const std::stop_token& stop
) {
    auto index = std::make_unique<OpenIndex>(IndexKey{journal, segment.nonce});
    PS_TRY(auto scan, SegmentScan::open(disk, segment));
    std::uint64_t offset = kFirstFrameOffset;
    for (Lsn lsn = segment.first; lsn <= segment.last;) {
        if (stop.stop_requested()) return Error{Errc::cancelled, "stopped"};
        PS_TRY(auto header, scan.header(offset));
        if (!header) {
            PS_TRY(header, scan.next_header(offset + kBlock));
        }
        if (!header) break;
        if (header->kind == FrameKind::records) {
            auto chunk = scan.chunk(*header);
            if (!chunk && chunk.error().code != Errc::corrupt) return std::move(chunk).error();
            if (chunk) index->add(place_of(*header), (*chunk)->records());
        }
        lsn = header->next();
        offset = header->offset + header->stored_bytes();
    }
    return index;
}

Result<std::shared_ptr<const IndexFile>> open_index(
    Disk& disk, const SegmentInfo& segment, const JournalId& journal
) {
    PS_TRY(const auto file, disk.open(index_path(segment.path), OpenMode::read));
    PS_TRY(const auto size, file->size());
    const auto read = [file](std::uint64_t offset, std::span<std::byte> out) -> Status {
        PS_TRY(const auto got, file->read(out, offset));
        if (got != out.size()) return Error{Errc::corrupt, "device index: shorter than it says"};
        return {};
    };
    PS_TRY(auto index, IndexFile::open(read, size, IndexKey{journal, segment.nonce}));
    return std::shared_ptr<const IndexFile>(std::move(index));
}

IndexKeeper::IndexKeeper(const LogParts& log, metrics::Registry& registry)
    : log_(log), reader_(log.disk, log.tail, log.segments, kGather) {
    const auto segments = log_.segments.all();
    const auto open = std::ranges::find(segments, false, &SegmentInfo::sealed);
    reader_.seek(open != segments.end() ? open->first : log_.tail.durable().next());
    through_ = {reader_.position().value - 1};
    registrations_.push_back(registry.counter_fn(
        "penstock_history_indexes_built_total",
        "Index files written: segments sealed, and indexes that were missing or bad.",
        {},
        [this] { return static_cast<double>(built_.load(std::memory_order_relaxed)); }
    ));
    registrations_.push_back(registry.counter_fn(
        "penstock_history_unreadable_records_total",
        "Records that history leaves out because their bytes are damaged.",
        {},
        [this] { return static_cast<double>(unreadable_.load(std::memory_order_relaxed)); }
    ));
    registrations_.push_back(registry.gauge_fn(
        "penstock_history_lag_records",
        "Durable records that are not indexed yet.",
        {},
        [this] {
            const auto durable = log_.tail.durable().value;
            const auto indexed = through().value;
            return static_cast<double>(durable > indexed ? durable - indexed : 0);
        }
    ));
}

IndexKeeper::~IndexKeeper() {
    stop();
}

void IndexKeeper::start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    ::pthread_setname_np(thread_.native_handle(), "journal-index");
}

void IndexKeeper::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
    thread_ = {};
}

// ---- following the journal ----------------------------------------------------------------------

void IndexKeeper::run(const std::stop_token& stop) {
    auto built_at = std::chrono::steady_clock::now() - kBuildInterval;
    while (!stop.stop_requested()) {
        const auto asked = std::chrono::steady_clock::now();
        const auto result = reader_.read(kIdleWait.count(), stop);
        if (!result) {
            log::warn("history cannot read the journal", {{"why", result.error().message}});
            step_over(stop);
            continue;
        }
        take(*result);
        const bool idle = !result->chunk && result->gap.cause == Gap::Cause::none;
        const auto now = std::chrono::steady_clock::now();
        if (!idle && now - built_at < kBuildInterval) continue;
        if (idle && now - asked < kIdleWait / 2) pause(stop);  // the journal was closed
        built_at = now;
        finish_sealed();
        forget_retired();
        build_one_missing(stop);
    }
    // What was committed before the end, and the segment that a clean end seals.
    while (reader_.position() <= log_.tail.durable()) {
        const auto result = reader_.read(0, {});
        if (!result) break;
        take(*result);
    }
    finish_sealed();
}

void IndexKeeper::take(const ReadResult& result) {
    if (!result.chunk) {
        if (result.gap.cause != Gap::Cause::none) advance(result.gap.to);
        return;
    }
    const auto& place = reader_.place();
    std::shared_ptr<OpenIndex> index;
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = open_.find(place.segment); found != open_.end())
            index = found->second;
    }
    if (!index) {
        finish_sealed();
        const auto segment = by_number(log_.segments, place.segment);
        if (!segment) return advance(result.chunk->first().plus(result.chunk->count() - 1));
        index = std::make_shared<OpenIndex>(IndexKey{log_.journal, segment->nonce});
        const std::lock_guard lock(mutex_);
        open_.emplace(place.segment, index);
    }
    FramePlace frame;
    frame.first = result.chunk->first();
    frame.count = result.chunk->count();
    frame.offset = place.offset;
    frame.size = place.size;
    const auto before = index->unreadable();
    index->add(frame, result.chunk->records());
    unreadable_.fetch_add(index->unreadable() - before, std::memory_order_relaxed);
    advance(frame.first.plus(frame.count - 1));
}

void IndexKeeper::advance(Lsn through) {
    {
        const std::lock_guard lock(mutex_);
        through_ = through;
    }
    advanced_.notify_all();
}

void IndexKeeper::step_over(const std::stop_token& stop) {
    const Lsn from = reader_.position();
    const auto segment = log_.segments.find(from);
    auto next = segment ? behind_damage(*segment, from)
                        : Result<Lsn>(Error{Errc::not_found, "no such segment"});
    if (!next) {  // nothing behind it yet, or the disk does not answer
        (void)log_.tail.wait(log_.tail.durable().next(), kIdleWait.count(), stop);
        return;
    }
    unreadable_.fetch_add(next->value - from.value, std::memory_order_relaxed);
    reader_.seek(*next);
    advance({next->value - 1});
}

Result<Lsn> IndexKeeper::behind_damage(const SegmentInfo& segment, Lsn from) const {
    PS_TRY(auto scan, SegmentScan::open(log_.disk, segment));
    std::uint64_t offset = kFirstFrameOffset;
    for (;;) {
        PS_TRY(auto header, scan.header(offset));
        if (!header) {
            PS_TRY(header, scan.next_header(offset + kBlock));
        }
        if (!header) break;
        if (Lsn{header->first} > from) return Lsn{header->first};
        if (header->next() > from) return header->next();  // its header is whole, its payload not
        offset = header->offset + header->stored_bytes();
    }
    if (segment.sealed && segment.last >= from) return segment.last.next();
    return Error{Errc::not_found, "nothing behind the damage yet"};
}

// ---- sealed segments ----------------------------------------------------------------------------

void IndexKeeper::finish_sealed() {
    std::map<std::uint64_t, std::shared_ptr<OpenIndex>> open;
    Lsn through;
    {
        const std::lock_guard lock(mutex_);
        open = open_;
        through = through_;
    }
    for (const auto& [number, index] : open) {
        const auto segment = by_number(log_.segments, number);
        if (segment && (!segment->sealed || through < segment->last)) continue;
        if (segment) {
            const std::lock_guard one(build_mutex_);
            if (const auto written = write_index(*segment, *index); !written)
                log::warn("index not written", {{"why", written.error().message}});
        }
        const std::lock_guard lock(mutex_);
        open_.erase(number);
    }
}

Status IndexKeeper::write_index(const SegmentInfo& segment, const OpenIndex& index) {
    const auto path = index_path(segment.path);
    PS_CHECK(write_file_durably(log_.disk, path, index.encode()));
    built_.fetch_add(1, std::memory_order_relaxed);
    if (by_number(log_.segments, segment.number)) return {};
    auto removed = log_.disk.remove(path);  // retired meanwhile
    if (!removed && removed.error().code == Errc::not_found) return {};
    return removed;
}

void IndexKeeper::build_one_missing(const std::stop_token& stop) {
    const auto segments = log_.segments.all();
    for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
        if (!segment->sealed || sound_.contains(segment->number)) continue;
        {
            const std::lock_guard lock(mutex_);
            if (open_.contains(segment->number)) continue;
        }
        const auto before = built_.load(std::memory_order_relaxed);
        const auto index = load_or_build(*segment, stop);
        if (!index) {
            if (index.error().code != Errc::not_found && index.error().code != Errc::cancelled)
                log::warn("index not built", {{"why", index.error().message}});
            return;
        }
        sound_.insert(segment->number);
        if (built_.load(std::memory_order_relaxed) != before) return;  // one at a time
    }
}

void IndexKeeper::forget_retired() {
    const auto segments = log_.segments.all();
    const std::uint64_t oldest = segments.empty() ? 0 : segments.front().number;
    std::erase_if(sound_, [oldest](std::uint64_t number) { return number < oldest; });
    const std::lock_guard lock(mutex_);
    std::erase_if(streams_, [oldest](const auto& entry) { return entry.first < oldest; });
    std::erase_if(cache_, [this, oldest](const Cached& cached) {
        if (cached.number >= oldest) return false;
        cached_bytes_ -= cached.file->memory();
        return true;
    });
}

Result<IndexPtr> IndexKeeper::load_or_build(
    const SegmentInfo& segment, const std::stop_token& stop
) {
    const std::lock_guard one(build_mutex_);
    if (auto index = known(segment)) return index;
    auto file = open_index(log_.disk, segment, log_.journal);
    if (!file) {
        PS_TRY(auto index, build_index(log_.disk, segment, log_.journal, stop));
        if (const auto written = write_index(segment, *index); !written) {
            log::warn("index not written", {{"why", written.error().message}});
            return IndexPtr(std::move(index));
        }
        file = open_index(log_.disk, segment, log_.journal);
        if (!file) return IndexPtr(std::move(index));
    }
    remember(segment, *file);
    return IndexPtr(*file);
}

// ---- answers ------------------------------------------------------------------------------------

Lsn IndexKeeper::through() const {
    const std::lock_guard lock(mutex_);
    return through_;
}

bool IndexKeeper::wait_for(Lsn lsn, Nanoseconds bound) const {
    std::unique_lock lock(mutex_);
    return advanced_.wait_for(lock, std::chrono::nanoseconds(bound), [&] {
        return through_ >= lsn;
    });
}

Result<IndexPtr> IndexKeeper::index_of(const SegmentInfo& segment) {
    if (auto index = known(segment)) return index;
    if (segment.sealed) return load_or_build(segment, {});
    const auto now = by_number(log_.segments, segment.number);
    if (!now) return Error{Errc::not_found, "the segment is gone"};
    if (now->sealed) return load_or_build(*now, {});
    // The open one, before its first record was read.
    return IndexPtr(std::make_shared<OpenIndex>(IndexKey{log_.journal, segment.nonce}));
}

IndexPtr IndexKeeper::known(const SegmentInfo& segment) {
    const std::lock_guard lock(mutex_);
    const auto open = open_.find(segment.number);
    if (open != open_.end() && (!segment.sealed || through_ >= segment.last)) return open->second;
    const auto cached = std::ranges::find_if(cache_, [&](const Cached& c) {
        return c.number == segment.number && c.nonce == segment.nonce;
    });
    if (cached == cache_.end()) return nullptr;
    cache_.splice(cache_.begin(), cache_, cached);
    return cached->file;
}

void IndexKeeper::remember(const SegmentInfo& segment, std::shared_ptr<const IndexFile> file) {
    const std::lock_guard lock(mutex_);
    streams_[segment.number] = file->streams();
    cached_bytes_ += file->memory();
    cache_.push_front({segment.number, segment.nonce, std::move(file)});
    while (cache_.size() > kCachedFiles || (cached_bytes_ > kCachedBytes && cache_.size() > 1)) {
        cached_bytes_ -= cache_.back().file->memory();
        cache_.pop_back();
    }
}

Result<std::vector<StreamSpan>> IndexKeeper::streams_of(const SegmentInfo& segment) {
    {
        const std::lock_guard lock(mutex_);
        const auto found = streams_.find(segment.number);
        if (found != streams_.end()) return found->second;
    }
    PS_TRY(const auto index, index_of(segment));
    return index->streams();
}

}  // namespace penstock::journal
