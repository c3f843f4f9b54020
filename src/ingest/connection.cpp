#include "ingest/connection.h"

#include "base/log.h"
#include "ingest/shard_state.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace penstock::ingest {

std::string Peer::text() const {
    in6_addr six{};
    std::memcpy(&six, address.data(), sizeof six);
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (IN6_IS_ADDR_V4MAPPED(&six)) {
        ::inet_ntop(AF_INET, address.data() + 12, text.data(), text.size());
        return std::string(text.data()) + ':' + std::to_string(port);
    }
    ::inet_ntop(AF_INET6, address.data(), text.data(), text.size());
    return '[' + std::string(text.data()) + "]:" + std::to_string(port);
}

Connection::Connection(Arrival arrival)
    : admission_(std::move(arrival.admission)),
      transport_(std::move(arrival.transport)),
      shard_(&arrival.shard) {}

Connection::~Connection() = default;

// ---- output

void Connection::send(std::span<const std::byte> bytes) {
    if (state_ >= State::lingering) return;
    output_.append(bytes);
    queued();
}

void Connection::queued() {
    if (flush_queued_ || state_ == State::closed) return;
    flush_queued_ = true;
    shard_->state_->to_flush.push_back({slot_, generation_});
}

void Connection::flush() {
    flush_queued_ = false;
    if (state_ == State::closed || state_ == State::handshaking) return;
    const std::size_t before = output_.size();
    write_blocked_ = false;
    while (!output_.empty()) {
        const Transfer sent = transport_.write(output_.view());
        if (sent.io == Io::failed) return close("reset");
        if (sent.io != Io::done) {
            write_blocked_ = true;
            break;
        }
        output_.consume(sent.bytes);
    }
    account();
    if (output_.empty()) return output_sent();
    if (write_deadline_ == 0 || output_.size() != before) {
        write_deadline_ = shard_->now_ + listener().limits().write_timeout.count();
        shard_->schedule(*this);
    }
    if (output_.size() > listener().limits().output.value) hold(kHoldOutput);
    watch();
}

void Connection::output_sent() {
    write_deadline_ = 0;
    if (held(kHoldOutput)) release(kHoldOutput);
    if (state_ == State::finishing) {
        if (peer_ended_) return close(end_reason_);
        transport_.finish();
        state_ = State::lingering;
        kept_.clear();
        set_deadline(shard_->now_ + ShardListeners::State::kLinger);
    }
    watch();
}

// ---- input

void Connection::ready(std::uint32_t events) {
    if (state_ == State::handshaking) return shake_hands();
    if ((events & EPOLLOUT) != 0) {
        if (read_wants_write_) {
            read_wants_write_ = false;
            events |= EPOLLIN;
        }
        flush();
    }
    if (state_ == State::closed) return;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return watch();
    if (state_ == State::lingering) return drop_input();
    if (holds_ == 0) return read_once();
    // Held: a reset is noticed all the same, anything else has to wait.
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) return close("reset");
    watch(kDropInput);
}

void Connection::shake_hands() {
    switch (transport_.handshake()) {
        case Io::done:
            return opened();
        case Io::wants_write:
            read_wants_write_ = true;
            return watch();
        case Io::wants_read:
            read_wants_write_ = false;
            return watch();
        default:
            break;
    }
    log::info(
        "TLS handshake failed",
        {{"listener", listener().name()},
         {"peer", peer().text()},
         {"reason", Transport::take_tls_error()}}
    );
    shard_->cells(listener()).refused("tls_handshake");
    close("tls_handshake");
}

void Connection::opened() {
    if (state_ == State::handshaking) shard_->handshake_over(listener());
    state_ = State::open;
    read_wants_write_ = false;
    set_deadline(shard_->now_ + listener().limits().first_packet_timeout.count());
    if (!output_.empty()) queued();
    if (transport_.has_buffered()) shard_->queue_go_on(*this);  // bytes came with the handshake
    watch();
}

void Connection::read_once() {
    std::span<std::byte> area = shard_->state_->read_area();
    if (shard_->state_->busy) area = area.first(ShardListeners::State::kBusyReadBytes);
    const Transfer got = transport_.read(area);
    switch (got.io) {
        case Io::wants_read:
            return watch();
        case Io::wants_write:
            read_wants_write_ = true;
            return watch();
        case Io::ended:
            return input_ended();
        case Io::failed:
            return close("reset");
        case Io::done:
            break;
    }
    shard_->cells(listener()).received(got.bytes);
    shard_->arrival_ = shard_->state_->listeners.clock().wall();
    feed(area.first(got.bytes));
    account();
    if (state_ == State::closed) return;
    if (holds_ == 0 && transport_.has_buffered()) shard_->queue_go_on(*this);
    watch();
}

void Connection::drop_input() {
    const Transfer got = transport_.read(shard_->state_->read_area());
    if (got.io == Io::ended || got.io == Io::failed) return close(end_reason_);
    if (got.io == Io::done && transport_.has_buffered()) shard_->queue_go_on(*this);
}

void Connection::input_ended() {
    peer_ended_ = true;
    hold(kHoldEnded);
    kept_.clear();
    if (state_ == State::open) peer_ended();
    if (state_ != State::closed) watch();
}

void Connection::feed(std::span<std::byte> fresh) {
    if (kept_.empty()) return settle(fresh, received(fresh));
    const std::size_t kept = kept_.size();
    if (kept + fresh.size() < need_) return kept_.append(fresh);
    if (kept > ShardListeners::State::kFrontRoom) {
        kept_.append(fresh);
        return feed_kept();
    }
    // The room in front of the read area takes the beginning of the packet: one small copy, no
    // second buffer.
    const std::span<std::byte> whole(fresh.data() - kept, kept + fresh.size());
    std::memcpy(whole.data(), kept_.view().data(), kept);
    kept_.clear();
    settle(whole, received(whole));
}

void Connection::settle(std::span<const std::byte> shown, Consumed consumed) {
    if (state_ != State::open) return;
    need_ = static_cast<std::uint32_t>(std::min<std::size_t>(consumed.need, UINT32_MAX));
    kept_.append(shown.subspan(consumed.bytes));
}

void Connection::feed_kept() {
    shard_->arrival_ = shard_->wall();
    const Consumed consumed = received(kept_.view());
    if (state_ != State::open) return kept_.clear();
    need_ = static_cast<std::uint32_t>(std::min<std::size_t>(consumed.need, UINT32_MAX));
    kept_.consume(consumed.bytes);
}

void Connection::release(Hold why) {
    holds_ &= static_cast<std::uint8_t>(~why);
    if (holds_ == 0 && state_ == State::open) shard_->queue_go_on(*this);
}

void Connection::go_on() {
    again_queued_ = false;
    if (state_ == State::lingering) return drop_input();
    if (state_ != State::open || holds_ != 0 || moving_) return;
    if (!kept_.empty() && kept_.size() >= need_) feed_kept();
    account();
    if (state_ == State::open && holds_ == 0 && transport_.has_buffered()) return read_once();
    if (state_ != State::closed) watch();
}

void Connection::wait_for_room() {
    hold(kHoldRoom);
    shard_->state_->busy = true;
    shard_->state_->waiting.push_back({slot_, generation_});
}

// ---- memory

void Connection::account() noexcept {
    const auto held = static_cast<std::uint32_t>(kept_.capacity() + output_.capacity());
    shard_->state_->held_bytes += held;
    shard_->state_->held_bytes -= std::exchange(held_bytes_, held);
}

void Connection::give_up_memory() {
    if (state_ >= State::finishing || output_.size() > kept_.size()) {
        close(kShedReason);  // it does not read what it is told: nothing more can be said
        output_.clear();
    } else {
        hold(kHoldEnded);
        shed();
    }
    kept_.clear();
    account();
}

// ---- time, end

void Connection::set_deadline(Nanoseconds monotonic) noexcept {
    deadline_ = monotonic;
    if (monotonic != 0) shard_->schedule(*this);
}

void Connection::deadline_passed() {
    switch (state_) {
        case State::handshaking:
            shard_->cells(listener()).refused("tls_timeout");
            return close("tls_timeout");
        case State::open:
            return expired();
        case State::lingering:
            return close(end_reason_);
        default:
            return;  // finishing is bounded by the write time-out
    }
}

void Connection::close(std::string_view reason) {
    if (state_ == State::closed) return;
    if (state_ == State::handshaking) shard_->handshake_over(listener());
    if (state_ < State::finishing) end_reason_ = reason;
    state_ = State::closed;
    shard_->state_->to_end.push_back({slot_, generation_});
}

void Connection::finish(std::string_view reason) {
    if (state_ >= State::finishing) return;
    if (state_ == State::handshaking) return close(reason);
    end_reason_ = reason;
    state_ = State::finishing;
    hold(kHoldEnded);
    queued();
}

void Connection::watch(WatchMode mode) {
    if (state_ == State::closed || moving_) return;
    std::uint32_t wanted = 0;
    const bool reads = state_ == State::lingering || state_ == State::handshaking || holds_ == 0;
    // A hold is often over before anything comes: the system is told only when something has come
    // in vain.
    if (reads || mode == kKeepInput) wanted |= reads ? EPOLLIN : watched_ & EPOLLIN;
    if (write_blocked_ || read_wants_write_) wanted |= EPOLLOUT;
    if (wanted == watched_) return;
    watched_ = wanted;
    shard_->state_->readiness.change(
        transport_.fd(), wanted, ShardListeners::State::tag({slot_, generation_})
    );
}

}  // namespace penstock::ingest
