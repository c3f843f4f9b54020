#include "sinks/series/line_protocol_sink.h"

#include "base/metrics.h"
#include "sinks/encode/gzip.h"
#include "sinks/series/sift.h"
#include "sinks/series/write_request.h"
#include "sinks/transport/url.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

namespace penstock::sinks {

namespace {

constexpr Nanoseconds kIdle = kSecond;
/// While confirmations settle, the connection is tried this often: a far side that was restarted is
/// noticed in time.
constexpr Nanoseconds kWatchEvery = 2 * kSecond;

struct Counts {
    Counts(metrics::Registry& registry, const std::string& id)
        : points(registry.counter(
              "penstock_line_protocol_points_total",
              "Points confirmed by the far side.",
              {{"sink", id}}
          )),
          empty(registry.counter(
              "penstock_line_protocol_empty_records_total",
              "Records without a field to write: no point was made.",
              {{"sink", id}}
          )),
          left_out(registry.counter(
              "penstock_line_protocol_left_out_fields_total",
              "Numbers beyond the range of a double, left out of their point.",
              {{"sink", id}}
          )),
          splits(registry.counter(
              "penstock_line_protocol_splits_total",
              "Writes that were sent again in parts, to find bad records or for their size.",
              {{"sink", id}}
          )) {}

    metrics::Counter& points;
    metrics::Counter& empty;
    metrics::Counter& left_out;
    metrics::Counter& splits;
};

std::optional<Nanoseconds> fixed_settle(const std::string& text) {
    if (text == "auto") return std::nullopt;
    const auto span = config::parse_duration(text);
    return span.ok() ? span->count() : kVictoriaSettle;
}

class LineProtocolSink final : public Sink {
public:
    LineProtocolSink(const LineProtocolConfig& config, const SinkContext& context, const Url& url)
        : config_(config),
          clock_(*context.clock),
          url_(write_url(config, url)),
          encoder_(
              {config.measurement,
               config.tags,
               config.fields,
               config.rename,
               config.integers,
               config.tie_break,
               config.precision}
          ),
          settle_(fixed_settle(config.settle)),
          learns_settle_(!settle_.has_value()),
          client_(config.http),
          own_metrics_(context.metrics ? nullptr : std::make_unique<metrics::Registry>()),
          counts_(context.metrics ? *context.metrics : *own_metrics_, context.id) {}

    [[nodiscard]] bool put(Lsn lsn, const RecordView& record) override;
    void skip(Lsn lsn) override;
    void flush() override { flushing_ = !filling_.lines.empty(); }
    [[nodiscard]] SinkProgress poll(Nanoseconds wait) override;
    void reset(Lsn safe) override;
    [[nodiscard]] Nanoseconds settle() const noexcept override {
        return settle_.value_or(kVictoriaSettle);
    }
    [[nodiscard]] Status probe(Nanoseconds bound) override;

private:
    /// What the request under way is for.
    enum class Purpose : std::uint8_t { nothing, write, question, watch };

    [[nodiscard]] HttpRequest request(std::string_view body, bool gzipped) const;
    void ask(Purpose purpose, std::string_view body);
    [[nodiscard]] bool full() const noexcept;
    [[nodiscard]] bool due() const noexcept;
    void advance();
    void begin_batch();
    void send_part();
    void batch_done();
    void finished(Result<HttpResponse> outcome, SinkProgress& progress);
    void answered(const HttpResponse& response, SinkProgress& progress);
    void judge(const HttpResponse& response, SinkProgress& progress);
    void complained(const WriteAnswer& answer, SinkProgress& progress);
    void fail(SinkFailure failure, SinkProgress& progress);
    [[nodiscard]] bool contact_was_lost(const HttpResponse& response) const;
    [[nodiscard]] bool settling() const noexcept;
    [[nodiscard]] Nanoseconds quiet_for() const noexcept;

    const LineProtocolConfig config_;
    const Clock& clock_;
    const std::string url_;
    const LineEncoder encoder_;
    std::optional<Nanoseconds> settle_;
    const bool learns_settle_;  // `settle: auto`

    HttpClient client_;
    Purpose purpose_ = Purpose::nothing;
    std::string packed_;  // the body under way, when compressed
    std::size_t sent_bytes_ = 0;
    std::size_t sent_records_ = 0;

    LineBatch filling_;
    bool flushing_ = false;
    std::optional<Sift> sending_;
    WriteAnswer pending_answer_;  // waits for the answer to the question
    Lsn safe_;
    bool failed_ = false;

    // The life of the connection, to notice a far side that went away while confirmations settle.
    bool had_contact_ = false;
    bool close_announced_ = false;
    Nanoseconds confirmed_at_ = 0;
    Nanoseconds contact_at_ = 0;

    std::unique_ptr<metrics::Registry> own_metrics_;  // nobody reads it: tools and tests
    Counts counts_;
};

// ---- filling ------------------------------------------------------------------------------------

bool LineProtocolSink::full() const noexcept {
    return filling_.lines.size() >= config_.batch.records ||
           filling_.body.size() >= config_.batch.bytes.value;
}

bool LineProtocolSink::due() const noexcept {
    if (filling_.lines.empty()) return false;
    return flushing_ || full() || clock_.monotonic() - filling_.opened >= config_.batch.age.count();
}

bool LineProtocolSink::put(Lsn lsn, const RecordView& record) {
    if (full()) advance();
    if (full()) return false;
    const std::size_t begin = filling_.body.size();
    const LineEncoder::Outcome outcome = encoder_.append(lsn, record, filling_.body);
    if (outcome.left_out > 0) counts_.left_out.add(outcome.left_out);
    if (!outcome.point) {
        counts_.empty.add();
        skip(lsn);
        return true;
    }
    if (filling_.lines.empty()) filling_.opened = clock_.monotonic();
    filling_.lines.push_back({lsn, begin, filling_.body.size() - begin, record.event_time()});
    filling_.last = lsn;
    return true;
}

void LineProtocolSink::skip(Lsn lsn) {
    filling_.last = lsn;
    if (filling_.lines.empty() && !sending_) safe_ = lsn;
}

// ---- sending ------------------------------------------------------------------------------------

HttpRequest LineProtocolSink::request(std::string_view body, bool gzipped) const {
    return {"POST", url_, write_headers(config_, gzipped), body};
}

void LineProtocolSink::ask(Purpose purpose, std::string_view body) {
    const bool gzipped = config_.gzip && !body.empty();
    if (gzipped) packed_ = gzip(body);
    const std::string_view wire = gzipped ? std::string_view(packed_) : body;
    static_cast<void>(client_.send(request(wire, gzipped)));
    purpose_ = purpose;
    sent_bytes_ += wire.size();
}

void LineProtocolSink::send_part() {
    sent_records_ += sending_->lines();
    ask(Purpose::write, sending_->body());
}

void LineProtocolSink::begin_batch() {
    const Lsn last = filling_.last;
    sending_.emplace(std::exchange(filling_, LineBatch{}));
    filling_.last = last;
    flushing_ = false;
    send_part();
}

/// Starts what can be started.
void LineProtocolSink::advance() {
    if (failed_ || purpose_ != Purpose::nothing) return;
    if (!sending_ && due()) return begin_batch();
    const bool watch = !sending_ && settling() && clock_.monotonic() - contact_at_ >= kWatchEvery;
    if (watch) ask(Purpose::watch, {});
}

void LineProtocolSink::batch_done() {
    safe_ = sending_->last();
    sending_.reset();
    if (filling_.lines.empty()) safe_ = std::max(safe_, filling_.last);
}

SinkProgress LineProtocolSink::poll(Nanoseconds wait) {
    SinkProgress progress;
    advance();
    for (HttpFinished& one : client_.poll(wait))
        finished(std::move(one.outcome), progress);
    advance();
    progress.safe = safe_;
    progress.quiet_for = quiet_for();
    progress.sent_records = std::exchange(sent_records_, 0);
    progress.sent_bytes = std::exchange(sent_bytes_, 0);
    return progress;
}

Nanoseconds LineProtocolSink::quiet_for() const noexcept {
    if (purpose_ != Purpose::nothing) return 0;
    const Nanoseconds now = clock_.monotonic();
    Nanoseconds quiet = kIdle;
    if (!filling_.lines.empty())
        quiet = std::min(quiet, filling_.opened + config_.batch.age.count() - now);
    if (settling()) quiet = std::min(quiet, contact_at_ + kWatchEvery - now);
    return std::max<Nanoseconds>(quiet, kMillisecond);
}

// ---- answers ------------------------------------------------------------------------------------

void LineProtocolSink::fail(SinkFailure failure, SinkProgress& progress) {
    if (failure.lost_contact) {  // the runner starts again behind what has settled
        had_contact_ = false;
        confirmed_at_ = 0;
    }
    progress.failure = std::move(failure);
    failed_ = true;
}

void LineProtocolSink::finished(Result<HttpResponse> outcome, SinkProgress& progress) {
    if (outcome.ok()) {
        answered(*outcome, progress);
        return;
    }
    purpose_ = Purpose::nothing;
    SinkFailure failure = failure_of(outcome.error());
    failure.lost_contact = true;
    fail(std::move(failure), progress);
}

bool LineProtocolSink::settling() const noexcept {
    return confirmed_at_ != 0 && settle() > 0 && clock_.monotonic() - confirmed_at_ < settle();
}

/// A connection that was there is gone although nobody said that it would be.
bool LineProtocolSink::contact_was_lost(const HttpResponse& response) const {
    return response.fresh_connection && had_contact_ && !close_announced_ && settling();
}

void LineProtocolSink::answered(const HttpResponse& response, SinkProgress& progress) {
    // Only a server that took a write is the far side; a refusal may come from a proxy before it.
    if (learns_settle_ && response.success()) settle_ = is_victoria(response) ? kVictoriaSettle : 0;
    const bool lost = contact_was_lost(response);
    had_contact_ = true;
    close_announced_ = response.header("connection") == "close";
    contact_at_ = clock_.monotonic();
    if (lost) {
        purpose_ = Purpose::nothing;
        SinkFailure failure{
            FailureClass::transient,
            "the far side was away before what it confirmed had settled",
            std::nullopt
        };
        failure.lost_contact = true;
        return fail(std::move(failure), progress);
    }
    judge(response, progress);
}

void LineProtocolSink::judge(const HttpResponse& response, SinkProgress& progress) {
    const Purpose purpose = std::exchange(purpose_, Purpose::nothing);
    if (purpose == Purpose::watch) return;
    if (purpose == Purpose::question) {
        if (!empty_write_accepted(response)) return fail(pending_answer_.failure, progress);
        pending_answer_.verdict = WriteVerdict::bad_records;
        return complained(pending_answer_, progress);
    }
    WriteAnswer answer = judge_write(response, clock_.wall());
    switch (answer.verdict) {
        case WriteVerdict::confirmed:
            counts_.points.add(sending_->lines());
            confirmed_at_ = clock_.monotonic();
            sending_->confirmed();
            break;
        case WriteVerdict::unclear:
            pending_answer_ = std::move(answer);
            return ask(Purpose::question, {});
        case WriteVerdict::bad_records:
        case WriteVerdict::too_large:
            return complained(answer, progress);
        case WriteVerdict::failed:
            return fail(std::move(answer.failure), progress);
    }
    if (sending_->done()) return batch_done();
    send_part();
}

void LineProtocolSink::complained(const WriteAnswer& answer, SinkProgress& progress) {
    auto refused = sending_->complained(answer);
    if (refused.empty()) counts_.splits.add();
    for (RefusedRecord& record : refused)
        progress.refused.push_back(std::move(record));
    if (sending_->done()) return batch_done();
    send_part();
}

void LineProtocolSink::reset(Lsn safe) {
    // Connections stay unless a request hangs on one: a new one would hide that the far side went
    // away meanwhile.
    if (client_.pending() > 0) client_.cancel_all();
    purpose_ = Purpose::nothing;
    filling_ = LineBatch{};
    filling_.last = safe;
    flushing_ = false;
    sending_.reset();
    safe_ = safe;
    failed_ = false;
}

Status LineProtocolSink::probe(Nanoseconds bound) {
    const auto response = call_within(config_.http, bound, request({}, false));
    if (!response.ok()) return response.error();
    if (empty_write_accepted(*response)) return {};
    const WriteAnswer answer = judge_write(*response, clock_.wall());
    const bool denied = answer.failure.kind == FailureClass::credentials;
    return Error{denied ? Errc::denied : Errc::unavailable, answer.reason};
}

}  // namespace

Result<std::unique_ptr<Sink>> make_line_protocol_sink(
    const LineProtocolConfig& config, const SinkContext& context
) {
    PS_TRY(const Url url, Url::parse(config.endpoint));
    return std::unique_ptr<Sink>(std::make_unique<LineProtocolSink>(config, context, url));
}

SinkKind line_protocol_kind() {
    return sink_kind<LineProtocolConfig>(
        "line_protocol",
        "Points for a time-series store: VictoriaMetrics, InfluxDB and what takes their line "
        "protocol.",
        &make_line_protocol_sink
    );
}

}  // namespace penstock::sinks
