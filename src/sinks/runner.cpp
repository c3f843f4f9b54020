#include "sinks/runner.h"

#include "base/log.h"
#include "sinks/feeder.h"
#include "sinks/ledger.h"
#include "sinks/rate.h"
#include "sinks/refused_queue.h"
#include "sinks/retry.h"
#include "sinks/runner_metrics.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

namespace penstock::sinks {
namespace {

constexpr Nanoseconds kSaveEvery = 100 * kMillisecond;
constexpr std::uint64_t kSaveRecords = 10'000;
constexpr Nanoseconds kIdleMax = kSecond;
constexpr Nanoseconds kPollWhileSending = 5 * kMillisecond;
constexpr Nanoseconds kPollWhileFull = 50 * kMillisecond;
constexpr Nanoseconds kHoldRetry = 5 * kSecond;  // full quarantine store, unreadable journal
constexpr std::size_t kRunsMax =
    1 << 20;  // 32 MiB of ledger: wait for the cursor rather than read ahead

bool needs_somebody(FailureClass kind) {
    return kind == FailureClass::credentials || kind == FailureClass::configuration;
}

}  // namespace

struct Runner::State {
    explicit State(RunnerParts given)
        : parts(std::move(given)),
          clock(*parts.clock),
          retry(parts.settings.retry, parts.seed),
          refused(parts.open_reader, *parts.refused),
          feeder(parts.id, parts.settings, parts.only, *parts.reader, *parts.sink, refused),
          counts(*parts.metrics, parts.id) {
        snapshot.id = parts.id;
        snapshot.type = parts.type;
    }

    RunnerParts parts;
    const Clock& clock;
    Retry retry;
    RefusedQueue refused;
    Feeder feeder;
    RunnerMetrics counts;

    std::optional<Confirmations> confirmations;  // once the cursor is known
    std::optional<Ledger> ledger;
    SinkState state = SinkState::starting;
    bool restart = true;  // reset the sink and read again from behind what is safe
    Nanoseconds wait_until = 0;
    Nanoseconds hold_until = 0;  // no reading before
    bool holding = false;        // the quarantine store takes nothing
    bool unreadable = false;     // the journal cannot be read
    Nanoseconds quiet_for = 0;
    Nanoseconds saved_at = 0;
    Lsn saved;
    std::uint64_t unsaved = 0;
    Lsn base;         // of the counters
    Tally uncounted;  // settled, and not in the counters yet
    Balance balance;
    Rate rate;  // of what is delivered

    mutable std::mutex mutex;  // guards snapshot
    SinkHealth snapshot;

    Nanoseconds round(Nanoseconds patience, const std::stop_token& stop);
    bool open(const std::stop_token& stop);
    [[nodiscard]] Result<Lsn> first_wanted(const std::stop_token& stop) const;
    void begin_at(Lsn cursor);
    void begin_again();
    Fed feed(Nanoseconds wait, const std::stop_token& stop);
    void hear(SinkProgress report);
    void watch(const SinkProgress& report);
    void store_refused(const std::stop_token& stop);
    void settle();
    void save(SafePoint safe);
    void fail(
        ErrorClass error,
        const std::string& message,
        FailureClass pace,
        std::optional<Nanoseconds> retry_after = {}
    );
    void hold(std::string_view what, ErrorClass kind, const Error& error);
    void remember(ErrorClass error, const std::string& message);
    [[nodiscard]] SinkState shown() const;
    void publish();
    [[nodiscard]] Nanoseconds idle_time(Fed fed) const;
};

Runner::Runner(RunnerParts parts) : state_(std::make_unique<State>(std::move(parts))) {}
Runner::~Runner() {
    const auto together = state_->parts.metrics->together();
    state_->counts.retire();
}

Nanoseconds Runner::step(Nanoseconds patience, const std::stop_token& stop) {
    Nanoseconds idle = 0;
    try {
        idle = state_->round(patience, stop);
    } catch (const std::exception& e) {
        state_->fail(ErrorClass::internal, e.what(), FailureClass::transient);
    }
    state_->publish();
    return idle;
}

void Runner::finish() {
    State& s = *state_;
    try {
        if (s.confirmations && !s.restart && s.parts.sink) s.hear(s.parts.sink->poll(0));
        if (s.confirmations) {
            s.saved_at = s.clock.monotonic() - kSaveEvery;
            s.settle();
        }
        s.parts.sink.reset();
    } catch (const std::exception& e) {
        s.remember(ErrorClass::internal, e.what());
    }
    s.state = SinkState::stopped;
    s.publish();
}

SinkHealth Runner::health() const {
    const std::lock_guard lock(state_->mutex);
    return state_->snapshot;
}

Nanoseconds Runner::State::round(Nanoseconds patience, const std::stop_token& stop) {
    const Nanoseconds now = clock.monotonic();
    if (now < wait_until) {
        if (confirmations) settle();
        return std::min({wait_until - now, kIdleMax, unsaved > 0 ? kSaveEvery : kIdleMax});
    }
    if (!confirmations && !open(stop)) return 0;
    if (restart) begin_again();

    store_refused(stop);
    Fed fed = Fed::full;
    if (now >= hold_until && !refused.full() && ledger->runs() < kRunsMax) {
        fed = feed(std::min(patience, quiet_for), stop);
    }
    const Nanoseconds sending = fed == Fed::full ? kPollWhileFull : kPollWhileSending;
    const bool wait = fed == Fed::full || (fed == Fed::caught_up && quiet_for == 0);
    hear(parts.sink->poll(wait ? std::min(patience, sending) : 0));
    settle();
    if (restart || fed == Fed::behind) return 0;
    return patience > 0 ? 0 : idle_time(fed);
}

Nanoseconds Runner::State::idle_time(Fed fed) const {
    if (quiet_for == 0 || (fed == Fed::full && !unreadable && !holding)) return kMillisecond;
    const bool pending =
        ledger->settled() < confirmations->confirmed() || saved < ledger->settled();
    return std::min(quiet_for, pending ? kSaveEvery : kIdleMax);
}

// ---- where to begin

bool Runner::State::open(const std::stop_token& stop) {
    const auto cursor = parts.cursor->load();
    if (!cursor.ok()) {
        fail(ErrorClass::cursor, cursor.error().message, FailureClass::configuration);
        return false;
    }
    if (*cursor) {
        saved = **cursor;
        begin_at(saved);
        balance = parts.cursor->balance();
        return true;
    }
    const auto first = first_wanted(stop);
    if (!first.ok()) {
        fail(ErrorClass::journal, first.error().message, FailureClass::transient);
        return false;
    }
    begin_at(Lsn{first->value == 0 ? 0 : first->value - 1});
    save(confirmations->settled(clock.monotonic()));
    return true;
}

/// Where a sink without a cursor begins; one whose cursor was lost begins with the oldest record.
Result<Lsn> Runner::State::first_wanted(const std::stop_token& stop) const {
    const StartAt start = parts.cursor->lost() ? StartAt{} : parts.settings.start_at;
    switch (start.kind) {
        case StartAt::Kind::earliest:
            break;
        case StartAt::Kind::latest:
            return parts.reader->durable().next();
        case StartAt::Kind::time:
            return first_arrival_at(*parts.open_reader(), start.time, stop);
    }
    return parts.reader->position();
}

void Runner::State::begin_at(Lsn cursor) {
    confirmations.emplace(cursor, parts.sink->settle());
    ledger.emplace(cursor);
    base = cursor;
    balance = {cursor, {}};
}

void Runner::State::begin_again() {
    const Lsn safe = confirmations->confirmed();
    restart = false;
    quiet_for = 0;
    ledger->rewind(safe);
    feeder.begin_behind(*ledger);
    parts.sink->reset(safe);
    if (state == SinkState::starting) state = SinkState::running;
}

// ---- journal -> sink

Fed Runner::State::feed(Nanoseconds wait, const std::stop_token& stop) {
    const auto fed = feeder.feed(*ledger, wait, stop);
    unreadable = !fed.ok();
    if (fed.ok()) return *fed;
    hold("sink cannot read the journal", ErrorClass::journal, fed.error());
    return Fed::full;
}

// ---- sink -> cursor

void Runner::State::hear(SinkProgress report) {
    const Nanoseconds now = clock.monotonic();
    counts.sent_records.add(report.sent_records);
    counts.sent_bytes.add(report.sent_bytes);
    quiet_for = std::max<Nanoseconds>(0, report.quiet_for);
    for (RefusedRecord& record : report.refused) {
        if (!ledger->refused(record.lsn)) refused.add(std::move(record));
    }
    if (report.safe > ledger->last()) {
        remember(ErrorClass::internal, "the sink reported records as safe that it was never given");
        report.safe = ledger->last();
    }
    confirmations->settle_for(parts.sink->settle());  // it may have learned more of the far side
    if (report.safe > confirmations->confirmed()) {
        confirmations->hear(report.safe, now);
        retry.succeeded();
        state = SinkState::running;
    }
    if (!report.failure) return watch(report);
    const SinkFailure& failure = *report.failure;
    if (failure.lost_contact) confirmations->forget_unsettled(now);
    fail(error_class(failure.kind), failure.message, failure.kind, failure.retry_after);
}

/// The sink goes on by itself: shows whether it is well.
void Runner::State::watch(const SinkProgress& report) {
    if (report.trouble) {
        const SinkFailure& trouble = *report.trouble;
        state = needs_somebody(trouble.kind) ? SinkState::alarm : SinkState::backing_off;
        remember(error_class(trouble.kind), trouble.message);
        log::warn(
            "sink in trouble, going on trying",
            {{"sink", parts.id}, {"class", name(trouble.kind)}, {"error", trouble.message}}
        );
        return;
    }
    const bool idle = confirmations->confirmed() >= parts.reader->durable();
    if (idle && state == SinkState::backing_off) state = SinkState::running;
}

void Runner::State::store_refused(const std::stop_token& stop) {
    const Nanoseconds now = clock.monotonic();
    if (refused.empty() || now < hold_until) return;
    const Status stored = refused.store(*ledger, stop);
    holding = !stored.ok();
    if (holding) hold("sink cannot keep refused records", ErrorClass::quarantine, stored.error());
}

void Runner::State::settle() {
    const Nanoseconds now = clock.monotonic();
    const SafePoint safe = confirmations->settled(now, refused.first());
    if (safe.lsn() > ledger->settled()) {
        const Tally tally = ledger->settle(safe.lsn());
        uncounted += tally;
        balance.tally += tally;
        unsaved += tally.records();
    }
    const bool due = now - saved_at >= kSaveEvery || unsaved >= kSaveRecords;
    if (safe.lsn() > saved && due) save(safe);
}

void Runner::State::save(SafePoint safe) {
    saved_at = clock.monotonic();
    const Status done = parts.cursor->save(safe, balance);
    if (!done.ok()) {
        remember(ErrorClass::cursor, done.error().message);
        log::error("cursor not saved", {{"sink", parts.id}, {"error", done.error().message}});
        return;
    }
    saved = safe.lsn();
    unsaved = 0;
}

// ---- failures

void Runner::State::fail(
    ErrorClass error,
    const std::string& message,
    FailureClass pace,
    std::optional<Nanoseconds> retry_after
) {
    const bool alarm = needs_somebody(pace);
    const Nanoseconds wait = retry.next(pace, retry_after);
    wait_until = clock.monotonic() + wait;
    restart = true;
    feeder.drop();
    state = alarm ? SinkState::alarm : SinkState::backing_off;
    remember(error, message);
    counts.retries.add();
    log::write(
        alarm ? log::Level::error : log::Level::warn,
        alarm ? "sink cannot deliver until somebody acts" : "sink failed, trying again",
        {{"sink", parts.id},
         {"class", name(error)},
         {"error", message},
         {"failures", retry.failures()},
         {"wait_seconds", static_cast<double>(wait) / 1e9}}
    );
}

void Runner::State::hold(std::string_view what, ErrorClass kind, const Error& error) {
    hold_until = clock.monotonic() + kHoldRetry;
    remember(kind, error.message);
    log::error(what, {{"sink", parts.id}, {"error", error.message}});
}

void Runner::State::remember(ErrorClass error, const std::string& message) {
    counts.errors[static_cast<std::size_t>(error)]->add();
    const std::lock_guard lock(mutex);
    snapshot.last_error = message;
    snapshot.last_error_at = clock.wall();
}

SinkState Runner::State::shown() const {
    if (state == SinkState::stopped) return state;
    if (holding) return SinkState::holding;
    return unreadable ? SinkState::alarm : state;
}

void Runner::State::publish() {
    const Lsn durable = parts.reader->durable();
    const Lsn settled = ledger ? ledger->settled() : Lsn{};
    const std::uint64_t behind = durable > settled ? durable.value - settled.value : 0;
    const double age =
        behind == 0 ? 0 : static_cast<double>(feeder.age(settled, clock.wall())) / 1e9;
    {
        const auto together = parts.metrics->together();
        counts.add(std::exchange(uncounted, {}));
        counts.base_lsn.set(static_cast<double>(base.value));
        counts.durable_lsn.set(static_cast<double>(settled.value + behind));
        counts.cursor_lsn.set(static_cast<double>(saved.value));
        counts.lag_records.set(static_cast<double>(behind));
        counts.lag_seconds.set(age);
        counts.state.set(static_cast<double>(shown()));
    }
    if (ledger) rate.see(clock.monotonic(), balance.tally.confirmed);
    const std::lock_guard lock(mutex);
    snapshot.state = shown();
    snapshot.failures_in_a_row = retry.failures();
    snapshot.cursor = saved;
    snapshot.durable = settled.plus(behind);
    snapshot.balance = balance;
    snapshot.lag_records = behind;
    snapshot.lag_seconds = age;
    snapshot.rate = rate.per_second();
}

}  // namespace penstock::sinks
