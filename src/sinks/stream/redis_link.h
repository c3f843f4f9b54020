#pragma once

#include "penstock/clock.h"
#include "penstock/sink.h"
#include "sinks/stream/redis_config.h"
#include "sinks/stream/resp.h"
#include "sinks/transport/byte_stream.h"

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// One connection to a Redis server, logged in: bytes of commands go in, replies come out, in
/// order. Nothing blocks but poll(), and poll() for at most its wait.
/// Threads: owner.
class RedisLink {
public:
    /// `preamble`: a command to begin with, once logged in; empty: none. `clock` must outlive it.
    RedisLink(const RedisServerConfig& config, std::string_view preamble, const Clock& clock);

    /// Logged in: commands may be sent.
    [[nodiscard]] bool ready() const noexcept { return greeting_ == 0 && !failure_; }
    /// Why it is over, for good.
    [[nodiscard]] const std::optional<SinkFailure>& failure() const noexcept { return failure_; }
    /// Sends whole commands that bring `replies` replies.
    void send(std::string_view commands, std::size_t replies);
    /// Replies that have not come yet.
    [[nodiscard]] std::size_t awaited() const noexcept { return awaited_; }
    /// Moves bytes along, waits at most `wait`, appends the replies that came. A reply that takes
    /// longer than `patience` ends the link.
    void poll(Nanoseconds wait, Nanoseconds patience, std::vector<RespReply>& replies);

private:
    void greet(RespReply& reply);
    void end(SinkFailure why);

    const Clock& clock_;
    ByteStream stream_;
    RespReader reader_;
    std::size_t greeting_ = 0;  // replies of the login still to come
    std::size_t awaited_ = 0;
    Nanoseconds heard_at_;
    std::optional<SinkFailure> failure_;
};

/// What an error reply means to a runner.
[[nodiscard]] SinkFailure redis_failure(const RespReply& reply);

}  // namespace penstock::sinks
