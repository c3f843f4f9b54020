#include "journal/commit.h"

#include "base/crc32c.h"
#include "base/metrics.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstring>
#include <utility>

namespace penstock::journal {

namespace {

constexpr Nanoseconds kNothingToDo = kSecond;
/// How often a stalled commit looks for a segment: the steward rings, this is for the moment in
/// between.
constexpr Nanoseconds kStallPoll = 10 * kMillisecond;

/// The records of one frame, in the buffer that was written.
class FrameChunk final : public Chunk {
public:
    FrameChunk(BatchPtr buffer, Lsn first, std::uint32_t count, std::size_t payload)
        : buffer_(std::move(buffer)), first_(first), count_(count), payload_(payload) {}

    Lsn first() const noexcept override { return first_; }
    std::uint32_t count() const noexcept override { return count_; }
    std::span<const std::byte> records() const noexcept override {
        return buffer_->frame().subspan(sizeof(FrameHeader), payload_);
    }

private:
    BatchPtr buffer_;
    Lsn first_;
    std::uint32_t count_;
    std::size_t payload_;
};

}  // namespace

Committer::Committer(
    Options options, const Parts& parts, const Counters& counters, std::unique_ptr<WriteQueue> queue
)
    : options_(std::move(options)), parts_(parts), counters_(counters), queue_(std::move(queue)) {}

Committer::~Committer() = default;

void Committer::begin(Lsn next, const std::optional<Gap>& hole, std::vector<SegmentInfo> obsolete) {
    hole_ = hole;
    next_ = hole ? hole->from : next;
    covered_ = parts_.tail.durable();
    obsolete_ = std::move(obsolete);
    last_start_ = parts_.clock.monotonic() - kSecond;
}

Nanoseconds Committer::step() {
    if (failure_) return kNothingToDo;
    take_completions();
    if (!failure_) {
        if (auto error = parts_.steward.failure()) fail(*error);
    }
    Nanoseconds wait = kNothingToDo;
    if (!failure_) {
        const Nanoseconds now = parts_.clock.monotonic();
        wait = start_commits(now);
        wait = std::min(wait, idle_frame(now));
    }
    ring_lanes();
    return wait;
}

void Committer::sleep(Nanoseconds most) {
    if (failure_ || most <= 0) return;
    Gate& gate = parts_.gate;
    if (bell_wanted_) {
        gate.asleep.exchange(true, std::memory_order_acq_rel);
        const bool closing = gate.closing.load(std::memory_order_acquire) && in_flight_.empty();
        if (!stalled_ && (closing || something_waits())) {
            gate.asleep.exchange(false, std::memory_order_acq_rel);
            return;
        }
    }
    const Status status = queue_->reap(done_, most);
    gate.asleep.exchange(false, std::memory_order_acq_rel);
    if (!status.ok()) fail(status.error());
}

bool Committer::idle() const {
    return in_flight_.empty() && !hole_ && !something_waits();
}

void Committer::close() {
    if (!open_) return;
    const Nanoseconds now = parts_.clock.wall();
    parts_.steward.seal({open_->info(), open_->footer(SealCause::closed, now)});
    open_.reset();
}

void Committer::fail(const Error& error) {
    if (failure_) return;
    failure_ = error;
    parts_.gate.failed.store(true, std::memory_order_release);
}

// ---- what is complete ---------------------------------------------------------------------------

void Committer::take_completions() {
    if (const Status status = queue_->reap(done_, 0); !status.ok()) return fail(status.error());
    for (const WriteQueue::Done& done : done_) {
        if (!done.status.ok()) return fail(done.status.error());
        in_flight_[done.token - first_token_]->done = true;
    }
    done_.clear();
    publish();
}

void Committer::publish() {
    while (!in_flight_.empty() && in_flight_.front()->done)
        publish_front();
}

void Committer::publish_front() {
    const std::unique_ptr<Commit> commit = std::move(in_flight_.front());
    in_flight_.pop_front();
    ++first_token_;
    last_publish_ = parts_.clock.monotonic();
    // Only now may anybody see or hear of these records.
    parts_.tail.publish(commit->entries);
    for (const Report& report : commit->reports) {
        parts_.lanes[report.lane]->report(report.durable);
    }
    counters_.seconds->observe(std::chrono::nanoseconds(last_publish_ - commit->started));
    counters_.commits->add();
    counters_.records->add(commit->records);
    counters_.bytes->add(commit->bytes);
    counters_.padding->add(commit->padding);
    if (!commit->begins_segment) return;
    begun_ = true;
    parts_.segments.add(commit->segment->info());
    // A footer that says "rolled" promises a successor: it may be written now that the successor is
    // durable.
    for (const auto& ended : std::exchange(ended_, {})) {
        parts_.steward.seal({ended->info(), ended->footer(SealCause::rolled, parts_.clock.wall())});
    }
    if (!obsolete_.empty()) parts_.steward.discard(std::exchange(obsolete_, {}));
}

void Committer::ring_lanes() {
    for (const auto& lane : parts_.lanes) {
        const bool room = lane->wants_room();
        if (!std::exchange(lane->to_wake, false) && !room) continue;
        if (lane->waker) lane->waker();
    }
}

// ---- what is started ----------------------------------------------------------------------------

bool Committer::something_waits() const {
    return std::ranges::any_of(parts_.lanes, [](const auto& lane) {
        return lane->front() != nullptr;
    });
}

Nanoseconds Committer::due(Nanoseconds now) const {
    if (parts_.gate.closing.load(std::memory_order_acquire)) return now;
    std::uint64_t bytes = 0;
    for (const auto& lane : parts_.lanes)
        bytes += lane->waiting_bytes();
    if (bytes >= kEagerBytes) return now;
    if (!in_flight_.empty()) return last_start_ + options_.window;
    const double busy = std::clamp((records_per_commit_ - 1) / kBusyRecords, 0.0, 1.0);
    return last_start_ + static_cast<Nanoseconds>(static_cast<double>(options_.window) * busy);
}

Nanoseconds Committer::start_commits(Nanoseconds now) {
    bell_wanted_ = false;
    stalled_ = false;
    // Frames wait for the header: without one nothing behind it could be read.
    if (open_ && !begun_) return kNothingToDo;
    while (in_flight_.size() < queue_->depth()) {
        const bool waits = something_waits();
        if (open_ && !hole_ && !waits) {
            bell_wanted_ = true;
            return kNothingToDo;
        }
        if (open_ && !hole_) {
            const Nanoseconds at = due(now);
            if (at > now) return at - now;
        }
        switch (start_commit(now)) {
            case Start::done:
                break;
            case Start::later:
                return kNothingToDo;
            case Start::no_segment:
                bell_wanted_ = true;
                stalled_ = true;
                return kStallPoll;
        }
        if (!begun_) break;
    }
    return kNothingToDo;  // a completion is the next thing to happen
}

Committer::Start Committer::start_commit(Nanoseconds now) {
    if (!open_) return roll(now);
    if (hole_) {
        write_hole(now);
        return Start::done;
    }
    const std::vector<Draft> drafts = gather();
    if (drafts.empty()) return roll(now);
    auto commit = std::make_unique<Commit>();
    commit->offset = open_->offset();
    for (const Draft& draft : drafts)
        build(*commit, draft);
    records_per_commit_ += (static_cast<double>(commit->records) - records_per_commit_) / 8;
    last_start_ = now;
    write(std::move(commit), now);
    return Start::done;
}

std::vector<Committer::Draft> Committer::gather() {
    std::vector<Draft> drafts;
    const auto lanes = static_cast<std::uint32_t>(parts_.lanes.size());
    for (bool more = true; more;) {
        more = false;
        for (std::uint32_t i = 0; i < lanes; ++i) {
            if (add_front(drafts, (first_lane_ + i) % lanes)) more = true;
        }
    }
    first_lane_ = (first_lane_ + 1) % lanes;
    return drafts;
}

bool Committer::add_front(std::vector<Draft>& drafts, std::uint32_t lane) {
    const BatchPtr* const front = parts_.lanes[lane]->front();
    if (front == nullptr) return false;
    const std::size_t size = (*front)->records().size();
    Draft* const last = drafts.empty() ? nullptr : &drafts.back();
    const std::uint64_t end = last != nullptr ? last->end() : open_->offset();
    if (end - open_->offset() + size > kCommitBytes && last != nullptr) return false;

    const bool packs = last != nullptr && size < kPackBelow && last->payload + size <= kPackMax &&
                       last->sources.back().batch->records().size() < kPackBelow;
    if (packs && open_->fits(last->payload + size, last->offset)) {
        last->payload += size;
        last->sources.push_back({lane, parts_.lanes[lane]->take()});
        return true;
    }
    if (drafts.size() == kCommitFrames || !open_->fits(size, end)) return false;
    Draft draft;
    draft.payload = size;
    draft.offset = end;
    draft.sources.push_back({lane, parts_.lanes[lane]->take()});
    drafts.push_back(std::move(draft));
    return true;
}

void Committer::build(Commit& commit, const Draft& draft) {
    FrameHeader header;
    header.first = next_.value;
    for (const Source& source : draft.sources) {
        const std::uint32_t count = source.batch->count();
        commit.reports.push_back({source.lane, {next_.plus(header.count), count}});
        header.count += count;
    }
    header.payload_bytes = static_cast<std::uint32_t>(draft.payload);
    commit.records += header.count;

    BatchPtr buffer = draft.sources.front().batch;
    if (draft.payload < kPackBelow || draft.sources.size() > 1) {
        buffer = std::make_shared<Batch>(Batch::kHeaderRoom + draft.payload);
        pack(draft, *buffer, header);
    } else {
        header.payload_crc = buffer->checksum();
    }
    add_frame(commit, header, buffer);
    Tail::Entry entry;
    entry.first = {header.first};
    entry.last = {header.next().value - 1};
    entry.chunk = std::make_shared<FrameChunk>(buffer, entry.first, header.count, draft.payload);
    entry.footprint = buffer->capacity();
    entry.segment = open_->number();
    entry.offset = open_->offset() - header.stored_bytes();
    commit.entries.push_back(std::move(entry));
}

void Committer::pack(const Draft& draft, Batch& buffer, FrameHeader& header) const {
    std::span<std::byte> out = buffer.frame().subspan(sizeof(FrameHeader));
    for (const Source& source : draft.sources) {
        const std::span<const std::byte> records = std::as_const(*source.batch).records();
        std::memcpy(out.data(), records.data(), records.size());
        out = out.subspan(records.size());
        header.payload_crc =
            crc32c_combine(header.payload_crc, source.batch->checksum(), records.size());
    }
}

void Committer::add_frame(Commit& commit, FrameHeader header, const BatchPtr& buffer) {
    header.committed_through = parts_.tail.durable().value;
    header.written = parts_.clock.wall();
    covered_ = {header.committed_through};
    const std::span<std::byte> frame = buffer->frame().first(header.stored_bytes());
    const std::size_t used = sizeof(FrameHeader) + header.payload_bytes;
    assert(
        header.kind != FrameKind::records ||
        crc32c(frame.subspan(sizeof(FrameHeader), header.payload_bytes)) == header.payload_crc
    );
    std::ranges::fill(frame.subspan(used), std::byte{0});
    open_->place(header, frame);
    next_ = header.next();
    commit.parts.emplace_back(frame);
    commit.buffers.push_back(buffer);
    commit.bytes += frame.size();
    commit.padding += frame.size() - used;
}

void Committer::write(std::unique_ptr<Commit> commit, Nanoseconds now) {
    commit->segment = open_;
    commit->started = now;
    Commit& started = *commit;
    const std::uint64_t token = first_token_ + in_flight_.size();
    in_flight_.push_back(std::move(commit));
    queue_->submit(open_->file(), started.parts, started.offset, token);
}

void Committer::write_hole(Nanoseconds now) {
    const Gap hole = *std::exchange(hole_, std::nullopt);
    auto commit = std::make_unique<Commit>();
    commit->offset = open_->offset();
    FrameHeader header;
    header.kind = FrameKind::gap;
    header.first = hole.from.value;
    header.gap_last = hole.to.value;
    header.gap_cause = static_cast<std::uint16_t>(hole.cause);
    Tail::Entry entry;
    entry.first = hole.from;
    entry.last = hole.to;
    entry.cause = hole.cause;
    entry.segment = open_->number();
    entry.offset = open_->offset();
    commit->entries.push_back(entry);
    add_frame(*commit, header, std::make_shared<Batch>(kBlock));
    write(std::move(commit), now);
}

Nanoseconds Committer::idle_frame(Nanoseconds now) {
    const Lsn durable = parts_.tail.durable();
    if (!open_ || !in_flight_.empty() || covered_ >= durable) return kNothingToDo;
    const Nanoseconds at = last_publish_ + kIdleFrame;
    if (at > now) return at - now;
    if (!open_->fits_empty()) {
        covered_ = durable;  // the segment is full to the last block: its footer will say it
        return kNothingToDo;
    }
    auto commit = std::make_unique<Commit>();
    commit->offset = open_->offset();
    FrameHeader header;
    header.kind = FrameKind::empty;
    header.first = next_.value;
    add_frame(*commit, header, std::make_shared<Batch>(kBlock));
    write(std::move(commit), now);
    return kNothingToDo;
}

// ---- segments -----------------------------------------------------------------------------------

/// The header of a segment says that all before it is durable, so it has to be: a start that found
/// the header without the last frames of its predecessor would take them for lost.
Committer::Start Committer::roll(Nanoseconds now) {
    if (!in_flight_.empty()) return Start::later;
    auto spare = parts_.steward.take_spare();
    if (!spare) return Start::no_segment;
    SegmentHeader header;
    header.journal = options_.journal.bytes;
    options_.random(std::as_writable_bytes(std::span(&header.nonce, 1)));
    header.number = spare->number;
    header.first = next_.value;
    header.predecessor_last = next_.value - 1;
    header.predecessor = open_ ? open_->number() : 0;
    header.created = parts_.clock.wall();
    header.size = spare->size;
    if (open_) ended_.push_back(std::move(open_));
    open_ = std::make_shared<OpenSegment>(std::move(*spare), header);
    begun_ = false;
    auto commit = std::make_unique<Commit>();
    commit->begins_segment = true;
    commit->parts.push_back(open_->header_blocks());
    commit->bytes = open_->header_blocks().size();
    commit->padding = commit->bytes - sizeof header;
    write(std::move(commit), now);
    return Start::done;
}

}  // namespace penstock::journal
