#include "sinks/batch_sink.h"

#include <algorithm>

namespace penstock::sinks {

BatchSink::BatchSink(const Limits& limits, const RetryConfig& retry, const SinkContext& context)
    : limits_(limits), clock_(*context.clock), pause_(retry, context.seed) {}

bool BatchSink::due() const noexcept {
    if (filling_.lines.empty()) return false;
    return flushing_ || full() || clock_.monotonic() - filling_.opened >= limits_.age;
}

bool BatchSink::put(Lsn lsn, const RecordView& record) {
    if (full()) advance();
    if (failed_ || full()) return false;
    if (!filling_.lines.empty() && !joins(record)) {
        flushing_ = true;
        advance();
        if (!filling_.lines.empty()) return false;
    }
    const std::size_t begin = filling_.body.size();
    if (auto reason = encode(lsn, record, filling_.body)) {
        filling_.body.resize(begin);
        refused_.push_back({lsn, *std::move(reason)});
        skip(lsn);
        return true;
    }
    if (filling_.lines.empty()) filling_.opened = clock_.monotonic();
    filling_.lines.push_back({lsn, begin, filling_.body.size() - begin, record.event_time()});
    filling_.last = lsn;
    return true;
}

void BatchSink::skip(Lsn lsn) {
    filling_.last = lsn;
    if (filling_.lines.empty() && !sending_) safe_ = lsn;
}

void BatchSink::advance() {
    if (failed_ || waiting_) return;
    if (sending_) {
        if (clock_.monotonic() >= paused_until_) send_part();
        return;
    }
    if (!due()) return;
    const Lsn last = filling_.last;
    sending_.emplace(std::exchange(filling_, LineBatch{}));
    filling_.last = last;
    flushing_ = false;
    begin_batch();
    send_part();
}

void BatchSink::send_part() {
    const Result<std::size_t> bytes = send(*sending_);
    if (!bytes.ok()) {
        const bool denied = bytes.error().code == Errc::denied;
        return fail(
            {denied ? FailureClass::credentials : FailureClass::transient,
             bytes.error().message,
             std::nullopt}
        );
    }
    waiting_ = true;
    sent_records_ += sending_->lines();
    sent_bytes_ += *bytes;
}

SinkProgress BatchSink::poll(Nanoseconds wait) {
    advance();
    if (waiting_) {
        if (auto outcome = receive(wait)) {
            waiting_ = false;
            received(*std::move(outcome));
        }
        advance();
    }
    SinkProgress progress;
    progress.safe = safe_;
    progress.failure = std::exchange(failure_, std::nullopt);
    progress.trouble = std::exchange(trouble_, std::nullopt);
    progress.refused = std::exchange(refused_, {});
    progress.sent_records = std::exchange(sent_records_, 0);
    progress.sent_bytes = std::exchange(sent_bytes_, 0);
    progress.quiet_for = quiet_for();
    return progress;
}

Nanoseconds BatchSink::quiet_for() const noexcept {
    if (waiting_) return 0;
    Nanoseconds due_at = 0;
    if (sending_) {
        due_at = paused_until_;
    } else if (!filling_.lines.empty()) {
        due_at = filling_.opened + limits_.age;
    } else {
        return kSecond;
    }
    return std::clamp<Nanoseconds>(due_at - clock_.monotonic(), kMillisecond, kSecond);
}

void BatchSink::received(Outcome outcome) {
    switch (outcome.answer.verdict) {
        case WriteVerdict::confirmed:
            left_out(std::move(outcome));
            break;
        case WriteVerdict::bad_records:
        case WriteVerdict::too_large:
            for (RefusedRecord& record : sending_->complained(outcome.answer))
                refused_.push_back(std::move(record));
            break;
        case WriteVerdict::unclear:
        case WriteVerdict::failed:
            return fail(std::move(outcome.answer.failure));
    }
    if (!sending_->done()) return;
    safe_ = sending_->last();
    sending_.reset();
    if (filling_.lines.empty()) safe_ = std::max(safe_, filling_.last);
}

void BatchSink::left_out(Outcome outcome) {
    for (auto& [line, reason] : outcome.refused)
        refused_.push_back({sending_->lsn(line), std::move(reason)});
    const bool all_taken = outcome.again.empty();
    sending_->keep_only(outcome.again);
    if (all_taken) return pause_.succeeded();
    const SinkFailure why = outcome.trouble.value_or(SinkFailure{});
    const Nanoseconds now = clock_.monotonic();
    paused_until_ = now + pause_.next(why.kind, why.retry_after);
    if (told_at_ != 0 && now - told_at_ < kSecond) return;
    told_at_ = now;
    trouble_ = why;
}

void BatchSink::fail(SinkFailure failure) {
    failed_ = true;
    failure_ = std::move(failure);
}

void BatchSink::reset(Lsn safe) {
    cancel();
    filling_ = LineBatch{};
    filling_.last = safe;
    begin_batch();
    flushing_ = false;
    sending_.reset();
    waiting_ = false;
    paused_until_ = 0;
    failure_.reset();
    trouble_.reset();
    refused_.clear();
    safe_ = safe;
    failed_ = false;
}

}  // namespace penstock::sinks
