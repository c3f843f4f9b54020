#include "sinks/stream/redis_link.h"

#include "sinks/transport/host_port.h"

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::sinks {
namespace {

ByteStreamConfig stream_of(const RedisServerConfig& config) {
    ByteStreamConfig out;
    if (auto address = HostPort::parse(config.server, kRedisPort)) {
        out.host = std::move(address->host);
        out.port = address->port;
    }
    out.use_tls = config.use_tls;
    out.tls = config.tls;
    out.connect_timeout = config.connect_timeout;
    return out;
}

bool begins_with_any(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(), [text](std::string_view word) {
        return text.starts_with(word);
    });
}

}  // namespace

SinkFailure redis_failure(const RespReply& reply) {
    SinkFailure failure;
    failure.message = reply.text;
    const std::string_view text = reply.text;
    if (begins_with_any(
            text, {"NOAUTH", "NOPERM", "WRONGPASS", "ERR invalid password", "ERR AUTH"}
        )) {
        failure.kind = FailureClass::credentials;
    } else if (begins_with_any(text, {"OOM", "BUSY "})) {
        failure.kind = FailureClass::throttled;
    } else if (begins_with_any(
                   text,
                   {"LOADING",
                    "MASTERDOWN",
                    "READONLY",
                    "CLUSTERDOWN",
                    "TRYAGAIN",
                    "NOSCRIPT",
                    "UNBLOCKED",
                    "MISCONF",
                    "NOREPLICAS"}
               )) {
        failure.kind = FailureClass::transient;
    } else {
        failure.kind = FailureClass::configuration;
    }
    return failure;
}

RedisLink::RedisLink(const RedisServerConfig& config, std::string_view preamble, const Clock& clock)
    : clock_(clock), stream_(stream_of(config)), heard_at_(clock.monotonic()) {
    std::string login;
    if (!config.password.empty()) {
        ++greeting_;
        if (config.user.empty()) {
            append_resp({"AUTH", config.password.reveal()}, login);
        } else {
            append_resp({"AUTH", config.user, config.password.reveal()}, login);
        }
    }
    append_resp({"SELECT", std::to_string(config.database)}, login);
    ++greeting_;
    login += preamble;
    if (!preamble.empty()) ++greeting_;
    stream_.send(login);
    wipe(login);
}

void RedisLink::end(SinkFailure why) {
    if (!failure_) failure_ = std::move(why);
}

void RedisLink::send(std::string_view commands, std::size_t replies) {
    if (awaited_ == 0) heard_at_ = clock_.monotonic();
    stream_.send(commands);
    awaited_ += replies;
}

void RedisLink::greet(RespReply& reply) {
    --greeting_;
    if (reply.failed()) end(redis_failure(reply));
}

void RedisLink::poll(Nanoseconds wait, Nanoseconds patience, std::vector<RespReply>& replies) {
    if (failure_) return;
    stream_.poll(wait, reader_.buffer());
    const Nanoseconds now = clock_.monotonic();
    while (auto reply = reader_.next()) {
        heard_at_ = now;
        if (greeting_ > 0) {
            greet(*reply);
        } else if (awaited_ > 0) {
            --awaited_;
            replies.push_back(*std::move(reply));
        }
    }
    if (reader_.broken()) {
        return end(
            {FailureClass::configuration,
             "the far side does not speak the Redis protocol",
             {},
             false}
        );
    }
    if (stream_.state() == ByteStream::State::over) {
        SinkFailure why = failure_of(stream_.error());
        why.lost_contact = true;
        return end(std::move(why));
    }
    const bool waiting = greeting_ > 0 || awaited_ > 0;
    if (waiting && now - heard_at_ >= patience) {
        end({FailureClass::transient, "the server does not answer", {}, true});
    }
}

}  // namespace penstock::sinks
