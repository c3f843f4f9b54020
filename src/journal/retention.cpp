#include "journal/retention.h"

#include "base/log.h"
#include "base/metrics.h"
#include "config/field.h"
#include "journal/format.h"
#include "journal/journal.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace penstock::config {

Table<journal::RetentionConfig> Fields<journal::RetentionConfig>::table() {
    using journal::RetentionConfig;
    return {
        field(
            "retain_size",
            &RetentionConfig::retain_size,
            "Delivered records are kept as history until all segments together are larger than "
            "this."
        ),
        field(
            "retain_time",
            &RetentionConfig::retain_time,
            "... and no longer than this. What a sink has not delivered yet stays."
        ),
    };
}

}  // namespace penstock::config

namespace penstock::journal {
namespace {

/// The write rate is an average over so many sealed segments and what is open.
constexpr std::size_t kRateSegments = 8;

double seconds(Nanoseconds span) noexcept {
    return static_cast<double>(span) / static_cast<double>(kSecond);
}

/// What is written of the open segment, as if it were sealed by now.
void close_open_one(std::vector<SegmentInfo>& segments, const Tail& tail) {
    if (segments.empty() || segments.back().sealed) return;
    SegmentInfo& open = segments.back();
    const auto newest = tail.find(tail.durable());
    const bool written = newest && newest->segment == open.number;
    open.last = written ? tail.durable() : Lsn{open.first.value - 1};
    open.bytes = written ? newest->offset + newest->footprint : 0;
}

/// Of the segment's bytes, what lies above `done`: by the share of its LSNs.
std::uint64_t bytes_above(const SegmentInfo& segment, Lsn done) {
    if (segment.last < segment.first || done >= segment.last) return 0;
    if (done < segment.first) return segment.bytes;
    const auto lsns = static_cast<double>(segment.last.value - segment.first.value + 1);
    const auto above = static_cast<double>(segment.last.value - done.value);
    return static_cast<std::uint64_t>(static_cast<double>(segment.bytes) * above / lsns);
}

}  // namespace

double reserve(std::uint64_t left, double bytes_per_second) noexcept {
    if (bytes_per_second <= 0) return std::numeric_limits<double>::infinity();
    return static_cast<double>(left) / bytes_per_second;
}

RetentionParts RetentionParts::of(Journal& journal, const Config& config) {
    return {
        journal.disk(),
        journal.clock(),
        journal.segments(),
        journal.tail(),
        journal.cursors(),
        journal.directory(),
        config,
        [&journal](std::uint64_t number) { return journal.retire(number); }
    };
}

Retention::Retention(RetentionParts parts, RetentionConfig config, metrics::Registry& registry)
    : parts_(std::move(parts)),
      registry_(registry),
      held_bytes_(registry.gauge(
          "penstock_journal_held_bytes",
          "Bytes of segments that are over size or age and stay because a sink is behind."
      )),
      reserve_(registry.gauge(
          "penstock_journal_outage_reserve_seconds",
          "How long every sink may be down before the journal is full, at the present rate."
      )),
      retired_(registry.counter(
          "penstock_journal_retired_segments_total", "Segments deleted by size or age."
      )),
      expired_(registry.counter(
          "penstock_journal_expired_records_total",
          "Records deleted before a sink had delivered them, added up over sinks."
      )),
      config_(config) {}

Retention::~Retention() {
    stop();
}

void Retention::expect(std::vector<ExpectedSink> sinks) {
    const std::lock_guard lock(mutex_);
    expected_ = std::move(sinks);
}

void Retention::hold(std::string name, std::function<Lsn()> done, WhenBehind when_behind) {
    const std::lock_guard lock(mutex_);
    others_.push_back({std::move(name), std::move(done), when_behind});
}

void Retention::release(std::string_view name) {
    const std::lock_guard lock(mutex_);
    std::erase_if(others_, [name](const Other& other) { return other.name == name; });
}

void Retention::set(RetentionConfig config) {
    const std::lock_guard lock(mutex_);
    config_ = config;
}

void Retention::start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Retention::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
    thread_ = {};
}

void Retention::run(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    while (!stop.stop_requested()) {
        if (const auto done = run_once(); !done)
            log::warn("a segment could not be deleted", {{"why", done.error().message}});
        std::unique_lock lock(mutex);
        stopped.wait_for(lock, stop, std::chrono::nanoseconds(kInterval), [] { return false; });
    }
}

std::vector<Holder> Retention::holders() const {
    std::vector<Holder> holders;
    for (const auto& cursor : parts_.cursors.attached())
        holders.push_back({cursor->sink(), cursor->lsn()});
    {
        const std::lock_guard lock(mutex_);
        for (const auto& sink : expected_) {
            const auto holder = std::ranges::find(holders, sink.name, &Holder::name);
            if (holder == holders.end()) {
                holders.push_back({sink.name, Lsn{}, sink.when_behind});
            } else {
                holder->when_behind = sink.when_behind;
            }
        }
        for (const auto& other : others_)
            holders.push_back({other.name, other.done(), other.when_behind, false});
    }
    std::ranges::sort(holders, {}, &Holder::done);
    return holders;
}

Result<std::vector<CursorInfo>> Retention::orphans() const {
    PS_TRY(auto cursors, parts_.cursors.list());
    std::erase_if(cursors, [](const CursorInfo& cursor) { return cursor.attached; });
    return cursors;
}

bool Retention::due(const SegmentInfo& segment, std::uint64_t total_bytes) const {
    const std::lock_guard lock(mutex_);
    if (total_bytes > config_.retain_size.value) return true;
    return parts_.clock.wall() - segment.sealed_at > config_.retain_time.count();
}

Result<std::size_t> Retention::run_once() {
    const std::lock_guard one_at_a_time(pass_);
    auto total = parts_.segments.bytes();
    std::size_t gone = 0;
    std::uint64_t held = 0;
    const auto segments = parts_.segments.all();
    for (const auto& segment : segments) {
        // The newest is the journal's to keep (Journal::retire()).
        const bool newest = segment.number == segments.back().number;
        if (newest || !segment.sealed || !due(segment, total)) break;
        // Asked anew for each segment: a sink may be attached at any time.
        const auto holders = this->holders();
        const bool needed =
            held > 0 || std::ranges::any_of(holders, [&](const Holder& holder) {
                return holder.when_behind == WhenBehind::hold && holder.done < segment.last;
            });
        total -= std::min(total, segment.bytes);
        if (needed) {
            held += segment.bytes;
            continue;
        }
        if (auto retired = parts_.retire(segment.number); !retired) {
            report(held);
            return std::move(retired).error();
        }
        count_expired(segment, holders);
        retired_.add();
        ++gone;
    }
    report(held);
    return gone;
}

void Retention::count_expired(const SegmentInfo& segment, const std::vector<Holder>& holders) {
    for (const auto& holder : holders) {
        if (holder.done >= segment.last) continue;
        const Lsn from = std::max(segment.first, holder.done.next());
        expired_.add(segment.last.value - from.value + 1);
    }
}

void Retention::report(std::uint64_t held_bytes) {
    held_bytes_.set(static_cast<double>(held_bytes));
    const auto holders = this->holders();
    reserve_.set(reserve_seconds(holders));
    measure_backlogs(holders);
}

/// What sinks have passed already makes room as it is needed, so it counts as left.
double Retention::reserve_seconds(const std::vector<Holder>& holders) const {
    std::uint64_t left = bytes_left();
    for (const auto& segment : parts_.segments.all()) {
        if (!segment.sealed) break;
        const bool needed = std::ranges::any_of(holders, [&](const Holder& holder) {
            return holder.when_behind == WhenBehind::hold && holder.done < segment.last;
        });
        if (needed) break;
        left += segment.bytes;
    }
    return reserve(left, bytes_per_second());
}

void Retention::measure_backlogs(const std::vector<Holder>& holders) {
    auto segments = parts_.segments.all();
    close_open_one(segments, parts_.tail);
    const std::uint64_t left = bytes_left();
    const double rate = bytes_per_second();
    std::vector<Backlog> found;
    for (const auto& holder : holders) {
        if (!holder.sink) continue;
        Backlog& backlog = found.emplace_back(Backlog{holder.name, 0, 0});
        std::uint64_t passed = 0;
        for (const auto& segment : segments) {
            const std::uint64_t ahead = bytes_above(segment, holder.done);
            backlog.bytes += ahead;
            if (ahead == 0 && segment.sealed) passed += segment.bytes;
        }
        const bool sheds = holder.when_behind == WhenBehind::shed;
        backlog.runway =
            sheds ? std::numeric_limits<double>::infinity() : reserve(left + passed, rate);
    }
    const std::lock_guard lock(mutex_);
    for (const auto& gone : backlogs_) {
        if (std::ranges::find(found, gone.sink, &Backlog::sink) != found.end()) continue;
        runway_of(gone.sink).set(std::numeric_limits<double>::infinity());
    }
    for (const auto& backlog : found)
        runway_of(backlog.sink).set(backlog.runway);
    backlogs_ = std::move(found);
}

metrics::Gauge& Retention::runway_of(const std::string& sink) const {
    return registry_.gauge(
        "penstock_sink_runway_seconds",
        "Time until the journal is full, should this sink alone take no more, at the present rate.",
        {{"sink", sink}}
    );
}

std::vector<Backlog> Retention::backlogs() const {
    const std::lock_guard lock(mutex_);
    return backlogs_;
}

std::uint64_t Retention::bytes_left() const {
    const auto minus = [](std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; };
    const auto hard = parts_.capacity.disk_hard;
    std::uint64_t left = std::numeric_limits<std::uint64_t>::max() / 4;
    if (const auto space = parts_.disk.space(parts_.directory)) {
        const auto percent = space->total / 100 * (100 - std::min(hard, 100U));
        const auto enough = parts_.capacity.disk_enough.value;
        left = minus(space->available, enough == 0 ? percent : std::min(percent, enough));
    }
    if (const auto max = parts_.capacity.max_size.value; max != 0)
        left = std::min(left, minus(max / 100 * hard, parts_.segments.bytes()));
    return left;
}

double Retention::bytes_per_second() const {
    const auto segments = parts_.segments.all();
    const std::size_t from = segments.size() > kRateSegments ? segments.size() - kRateSegments : 0;
    std::uint64_t bytes = 0;
    Nanoseconds since = 0;
    for (std::size_t i = from; i < segments.size(); ++i) {
        if (since == 0) since = segments[i].created;
        if (segments[i].sealed) bytes += segments[i].bytes;
    }
    if (!segments.empty() && !segments.back().sealed) {
        const auto newest = parts_.tail.find(parts_.tail.durable());
        if (newest && newest->segment == segments.back().number)
            bytes += newest->offset + newest->footprint;
    }
    const auto span = parts_.clock.wall() - since;
    return since == 0 || span <= 0 ? 0 : static_cast<double>(bytes) / seconds(span);
}

}  // namespace penstock::journal
