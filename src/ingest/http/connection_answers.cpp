#include "ingest/http/connection.h"
#include "ingest/shard_listeners.h"

#include <algorithm>
#include <string>

/// The second half of a connection: answers, time and the end.
namespace penstock::ingest::http {
namespace {

constexpr Problem kNotDurable{
    503, "not_durable", "the records are not known to be on disk; send all of them again"
};
constexpr Problem kStopping{503, "stopping", "the node stops; send all records again"};

}  // namespace

// ---- answering

void HttpConnection::answer(Exchange& exchange, const Problem& problem) {
    exchange.head.status = problem.status;
    exchange.json = problem_json(problem);
    exchange.answered = true;
}

/// Answers the request that is being read. Its body, when there is more of it, is read and thrown
/// away, so that the connection can stay; a client that waits for `100 Continue` never sends it,
/// and there the connection ends.
void HttpConnection::refuse(const Problem& problem) {
    answer(current(), problem);
    const bool whole = work_->parser == nullptr || request().state() == RequestParser::State::done;
    if (whole) return request_over();
    if (request().expects_continue()) {
        current().head.keep_alive = false;
        return request_over();
    }
    work_->parser->discard_body();
    charge(0);
    enter(Phase::body, config().body_timeout);
}

void HttpConnection::refuse_and_end(const Problem& problem) {
    shard().cells(listener()).protocol_error(problem.code);
    end_reason_ = problem.code;
    if (phase_ == Phase::head) work_->exchanges.emplace_back();
    ends_ = true;
    current().head.keep_alive = false;
    if (!current().answered) answer(current(), problem);
    request_over();
}

void HttpConnection::finish_if_durable(Exchange& exchange) {
    if (!exchange.submitted || exchange.pending != 0 || exchange.answered) return;
    exchange.head.status = exchange.tally.status();
    exchange.json = exchange.tally.json();
    exchange.answered = true;
    shard().cells(listener()).acknowledged(exchange.tally.kept());
    shard().cells(listener()).ack_latency(shard().now() - exchange.began);
}

void HttpConnection::send(Exchange& exchange) {
    const bool last = ends_ && &exchange == &current();
    if (last) exchange.head.keep_alive = false;
    exchange.head.date = shard().wall();
    std::string text;
    append_answer(text, exchange.head, exchange.json);
    Connection::send(text);
    part_.count(exchange.head.status);
    in_flight_ -= exchange.in_flight;
    exchange.sent = true;
}

void HttpConnection::send_answers() {
    if (work_ == nullptr) return;
    auto& exchanges = work_->exchanges;
    while (!exchanges.empty() && exchanges.front().answered) {
        if (!exchanges.front().sent) send(exchanges.front());
        // The one whose body is still being thrown away stays until that is over.
        if (exchanges.size() == 1 && phase_ != Phase::idle) break;
        exchanges.pop_front();
        say_continue();
    }
    if (!exchanges.empty() || phase_ != Phase::idle) return;
    work_.reset();
    enter(Phase::idle, config().idle_timeout);
}

/// Only when no earlier answer is owed: the client would take it for that.
void HttpConnection::say_continue() {
    if (!wants_continue_ || work_->exchanges.size() != 1) return;
    wants_continue_ = false;
    Connection::send(kContinue);
}

// ---- time, end

void HttpConnection::durable(std::uint32_t sequence) {
    if (work_ == nullptr) return;
    const auto found = std::ranges::find_if(work_->exchanges, [&](const Exchange& exchange) {
        return exchange.has(sequence);
    });
    if (found == work_->exchanges.end() || found->pending == 0) return;
    --found->pending;
    if (found->pending != 0) return;
    finish_if_durable(*found);
    settle();
}

/// Gives up the request that is being read, and its answer is `problem`.
void HttpConnection::end_unfinished(const Problem& problem) {
    ends_ = true;
    if (phase_ == Phase::idle) return;
    if (phase_ == Phase::head) {
        work_->parser.reset();
        return enter(Phase::idle, config().idle_timeout);
    }
    current().head.keep_alive = false;
    if (!current().answered) answer(current(), problem);
    request_over();
}

void HttpConnection::peer_ended() {
    end_reason_ = "peer_closed";
    end_unfinished({400, "incomplete", "the request was not sent to its end"});
    settle();
}

void HttpConnection::drain() {
    end_reason_ = "drain";
    end_unfinished(kStopping);
    settle();
}

void HttpConnection::expired() {
    const Nanoseconds now = shard().now();
    const bool waiting = work_ != nullptr && !work_->exchanges.empty();
    if (waiting && !work_->exchanges.front().answered && work_->exchanges.front().began != 0 &&
        now >= work_->exchanges.front().began + config().answer_timeout.count()) {
        end_reason_ = "commit_timeout";
        end_unfinished(kNotDurable);
        for (Exchange& exchange : work_->exchanges) {
            if (!exchange.answered) answer(exchange, kNotDurable);
        }
    } else if (now >= phase_until_ && (phase_ != Phase::idle || !waiting)) {
        if (phase_ == Phase::idle) return finish("idle_timeout");
        if (phase_ == Phase::verdict) {
            end_unfinished(kBusy);
        } else {
            refuse_and_end({408, "request_timeout", "the request took too long to arrive"});
        }
    }
    settle();
}

void HttpConnection::settle() {
    send_answers();
    if (ends_ && work_ == nullptr) return finish(end_reason_);
    set_hold();
    set_time();
}

void HttpConnection::set_hold() {
    const std::size_t waiting = work_ == nullptr ? 0 : work_->exchanges.size();
    const bool full = phase_ == Phase::idle && (waiting >= config().max_pipelined ||
                                                in_flight_ > listener().limits().in_flight.value);
    if (full == held(kHoldInFlight)) return;
    if (full) {
        hold(kHoldInFlight);
    } else {
        release(kHoldInFlight);
    }
}

void HttpConnection::set_time() {
    const bool waiting = work_ != nullptr && !work_->exchanges.empty();
    Nanoseconds due = phase_ != Phase::idle || !waiting ? phase_until_ : 0;
    if (waiting && work_->exchanges.front().began != 0) {
        const Nanoseconds answer = work_->exchanges.front().began + config().answer_timeout.count();
        due = due == 0 ? answer : std::min(due, answer);
    }
    if (due != 0) set_deadline(due);
}

void HttpConnection::enter(Phase phase, Duration bound) noexcept {
    phase_ = phase;
    phase_until_ = shard().now() + bound.count();
}

void HttpConnection::charge(std::size_t body_bytes) noexcept {
    part_.buffered += body_bytes - charged_;
    charged_ = body_bytes;
}

}  // namespace penstock::ingest::http
