#include "sinks/stream/redis_sink.h"

#include "sinks/stream/redis_link.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

class RedisSink final : public Sink {
public:
    RedisSink(
        const RedisWriteConfig& config,
        const SinkContext& context,
        std::unique_ptr<RedisCommands> commands
    )
        : config_(config), clock_(*context.clock), commands_(std::move(commands)) {}

    [[nodiscard]] bool put(Lsn lsn, const RecordView& record) override;
    void skip(Lsn lsn) override;
    void flush() override {}  // nothing waits but for the transaction under way
    [[nodiscard]] SinkProgress poll(Nanoseconds wait) override;
    void reset(Lsn safe) override;
    [[nodiscard]] Nanoseconds settle() const noexcept override { return config_.settle.count(); }
    [[nodiscard]] Status probe(Nanoseconds bound) override;

private:
    /// Commands of one transaction, without MULTI and EXEC.
    struct Batch {
        std::string commands;
        std::size_t records = 0;
        Lsn last;  // it says something about every record up to here
    };

    [[nodiscard]] bool full() const noexcept {
        return filling_.records >= config_.batch_records ||
               filling_.commands.size() >= config_.batch_size.value;
    }
    void advance();
    void take(RespReply& reply, SinkProgress& progress);
    void finish(const RespReply& reply, SinkProgress& progress);
    void watch();
    void fail(SinkFailure failure, SinkProgress& progress);
    [[nodiscard]] bool settling() const noexcept {
        return confirmed_at_ != 0 && clock_.monotonic() - confirmed_at_ < settle();
    }
    [[nodiscard]] Nanoseconds patience() const noexcept;
    [[nodiscard]] Nanoseconds quiet_for() const noexcept;

    const RedisWriteConfig config_;
    const Clock& clock_;
    const std::unique_ptr<RedisCommands> commands_;

    std::optional<RedisLink> link_;
    Batch filling_;
    std::optional<Batch> sending_;
    std::size_t answers_ = 0;  // of the transaction under way: MULTI, each command, EXEC
    std::optional<RespReply> complaint_;
    bool pinged_ = false;
    Nanoseconds pinged_at_ = 0;
    Nanoseconds confirmed_at_ = 0;
    Lsn safe_;
    bool failed_ = false;
    std::vector<RefusedRecord> refused_;
    std::uint64_t sent_records_ = 0;
    std::uint64_t sent_bytes_ = 0;
    std::vector<RespReply> replies_;
};

bool RedisSink::put(Lsn lsn, const RecordView& record) {
    if (failed_ || full()) return false;
    const std::size_t begin = filling_.commands.size();
    commands_->append(lsn, record, filling_.commands);
    if (filling_.commands.size() - begin > config_.record_max.value) {
        filling_.commands.resize(begin);
        refused_.push_back({lsn, "larger than record_max"});
        skip(lsn);
        return true;
    }
    ++filling_.records;
    filling_.last = lsn;
    return true;
}

void RedisSink::skip(Lsn lsn) {
    filling_.last = lsn;
    if (filling_.records == 0 && !sending_) safe_ = lsn;
}

/// Begins the next transaction when none is under way.
void RedisSink::advance() {
    if (failed_ || sending_ || filling_.records == 0 || !link_ || !link_->ready()) return;
    const Lsn last = filling_.last;
    sending_ = std::exchange(filling_, Batch{});
    filling_.last = last;
    std::string frame;
    append_resp({"MULTI"}, frame);
    link_->send(frame, 1);
    link_->send(sending_->commands, sending_->records);
    frame.clear();
    append_resp({"EXEC"}, frame);
    link_->send(frame, 1);
    answers_ = sending_->records + 2;
    complaint_.reset();
    sent_records_ += sending_->records;
    sent_bytes_ += sending_->commands.size();
}

/// What has not settled must not do so while the server is silent.
Nanoseconds RedisSink::patience() const noexcept {
    const Nanoseconds whole = config_.connection.reply_timeout.count();
    return settling() ? std::min(whole, settle() / 2) : whole;
}

SinkProgress RedisSink::poll(Nanoseconds wait) {
    SinkProgress progress;
    advance();
    watch();
    const bool idle = !sending_ && !pinged_ && link_ && link_->ready();
    replies_.clear();
    if (link_) link_->poll(idle ? 0 : wait, patience(), replies_);
    for (RespReply& reply : replies_)
        take(reply, progress);
    if (link_ && link_->failure()) fail(*link_->failure(), progress);
    advance();
    progress.safe = safe_;
    progress.refused = std::exchange(refused_, {});
    progress.sent_records = std::exchange(sent_records_, 0);
    progress.sent_bytes = std::exchange(sent_bytes_, 0);
    progress.quiet_for = quiet_for();
    return progress;
}

Nanoseconds RedisSink::quiet_for() const noexcept {
    if (sending_ || pinged_ || !link_ || !link_->ready()) return 0;
    return settling() ? std::max<Nanoseconds>(settle() / 8, kMillisecond) : kSecond;
}

/// While confirmations settle the server has to show that it is still there.
void RedisSink::watch() {
    const Nanoseconds now = clock_.monotonic();
    const bool due = settling() && now - std::max(pinged_at_, confirmed_at_) >= settle() / 4;
    if (!due || failed_ || sending_ || pinged_ || !link_ || !link_->ready()) return;
    std::string ping;
    append_resp({"PING"}, ping);
    link_->send(ping, 1);
    pinged_ = true;
    pinged_at_ = now;
}

void RedisSink::take(RespReply& reply, SinkProgress& progress) {
    if (failed_) return;
    if (pinged_) {  // it went out before the transaction
        pinged_ = false;
        if (reply.failed()) fail(redis_failure(reply), progress);
        return;
    }
    if (answers_ == 0) return;
    if (--answers_ == 0) return finish(reply, progress);
    if (reply.failed() && !complaint_) complaint_ = std::move(reply);
}

/// EXEC has answered.
void RedisSink::finish(const RespReply& reply, SinkProgress& progress) {
    if (complaint_) return fail(redis_failure(*complaint_), progress);
    if (reply.failed()) return fail(redis_failure(reply), progress);
    for (const RespReply& item : reply.items) {
        if (item.failed()) return fail(redis_failure(item), progress);
    }
    if (reply.items.size() != sending_->records) {
        return fail(
            {FailureClass::transient, "the transaction was not executed", {}, false}, progress
        );
    }
    safe_ = sending_->last;
    sending_.reset();
    confirmed_at_ = clock_.monotonic();
    if (filling_.records == 0) safe_ = std::max(safe_, filling_.last);
}

void RedisSink::fail(SinkFailure failure, SinkProgress& progress) {
    if (failed_) return;
    failed_ = true;
    if (failure.lost_contact) confirmed_at_ = 0;
    progress.failure = std::move(failure);
}

void RedisSink::reset(Lsn safe) {
    link_.emplace(config_.connection, commands_->preamble(), clock_);
    filling_ = Batch{};
    filling_.last = safe;
    sending_.reset();
    answers_ = 0;
    complaint_.reset();
    pinged_ = false;
    refused_.clear();
    safe_ = safe;
    failed_ = false;
}

Status RedisSink::probe(Nanoseconds bound) {
    RedisLink link(config_.connection, {}, clock_);
    const Nanoseconds end = clock_.monotonic() + bound;
    std::vector<RespReply> none;
    while (!link.ready() && !link.failure()) {
        const Nanoseconds left = end - clock_.monotonic();
        if (left <= 0) return Error{Errc::timed_out, "the server does not answer"};
        link.poll(left, bound, none);
    }
    if (link.ready()) return {};
    const bool denied = link.failure()->kind == FailureClass::credentials;
    return Error{denied ? Errc::denied : Errc::unavailable, link.failure()->message};
}

}  // namespace

std::unique_ptr<Sink> make_redis_sink(
    const RedisWriteConfig& config,
    const SinkContext& context,
    std::unique_ptr<RedisCommands> commands
) {
    return std::make_unique<RedisSink>(config, context, std::move(commands));
}

}  // namespace penstock::sinks
