#include "load.h"

#include "report.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <utility>

namespace load {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
/// Open loop: what falls due within this time is sent together, by different connections.
constexpr std::int64_t kTick = 200'000;
/// QoS 0 has no window: what the server does not read waits unencoded beyond so many bytes.
constexpr std::size_t kUnsentMax = 256 * 1024;
constexpr std::size_t kPeersPerAddress = 20'000;

volatile std::sig_atomic_t stop = 0;

std::int64_t now_ns(clockid_t clock = CLOCK_MONOTONIC) {
    timespec t{};
    ::clock_gettime(clock, &t);
    return t.tv_sec * kSecond + t.tv_nsec;
}

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "device_load: %s\n", what);
    std::exit(1);
}

}  // namespace

Load::Load(const Options& options)
    : o_(options),
      messages_(make_messages(options)),
      peers_(static_cast<std::size_t>(options.connections)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      mqtt_(options.protocol == "mqtt") {
    if (o_.tls) tls_ = std::make_unique<TlsContext>(o_.certificate, o_.key);
    for (std::size_t i = 0; i < peers_.size(); ++i) {
        peers_[i].next_message = static_cast<std::uint32_t>(i * messages_.size() / peers_.size());
    }
    if (!o_.ledger.empty()) ledger_.resize(static_cast<std::size_t>(o_.messages));
    struct sigaction action{};
    action.sa_handler = [](int) { stop = 1; };
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
}

void Load::run() {
    connect_all();
    if (o_.idle > 0) return idle();
    drive();
}

// ---- connections

void Load::connect_all() {
    const auto start = now_ns();
    for (std::size_t i = 0; i < peers_.size(); ++i) {
        peers_[i].away_since = start;
        to_start_.push_back(i);
    }
    while (ready_ < peers_.size() && stop == 0)
        poll();
}

void Load::start_some() {
    const auto now = now_ns();
    while (!resting_.empty() && resting_.front().first <= now) {
        to_start_.push_back(resting_.front().second);
        resting_.pop_front();
    }
    while (connecting_ < o_.connecting && !to_start_.empty()) {
        const std::size_t i = to_start_.front();
        to_start_.pop_front();
        begin(i);
    }
}

void Load::begin(std::size_t i) {
    Peer& peer = peers_[i];
    ++connecting_;
    peer.state = State::establishing;
    const auto source = static_cast<unsigned>(1 + i / kPeersPerAddress);
    if (!peer.channel.open(o_.port, source, tls_.get())) return lost(i, std::strerror(errno));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = i;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, peer.channel.fd(), &event);
    establish(i);
}

void Load::establish(std::size_t i) {
    Peer& peer = peers_[i];
    const auto step = peer.channel.establish();
    if (step == Channel::Step::later) return;
    if (step == Channel::Step::failed) return lost(i, "cannot connect");
    if (!mqtt_) return ready(i);
    peer.state = State::greeting;
    peer.unsent = connect_packet(o_, i);
    flush(i);
}

void Load::greeted(std::size_t i, int code) {
    if (peers_[i].state != State::greeting) return lost(i, "CONNACK out of place");
    if (code == 0) return ready(i);
    ++turned_away_;
    lost(i, "CONNECT was refused");
}

void Load::ready(std::size_t i) {
    Peer& peer = peers_[i];
    --connecting_;
    ++ready_;
    peer.state = State::ready;
    connect_.add((now_ns() - peer.away_since) / 1000);
    if (driving_) pump(i);
}

void Load::lost(std::size_t i, const char* why) {
    Peer& peer = peers_[i];
    if (!o_.reconnect) fail(why);
    const auto now = now_ns();
    if (peer.state == State::ready) {
        --ready_;
        ++lost_;
        peer.away_since = now;
    } else {
        --connecting_;
    }
    peer.channel.close();
    peer.state = State::away;
    peer.input.clear();
    peer.unsent.clear();
    peer.unsent_at = 0;
    for (std::size_t n = 0; n < peer.outstanding; ++n)
        peer.owed[n].sent_before = true;
    peer.outstanding = 0;
    resting_.emplace_back(now + static_cast<std::int64_t>(o_.backoff * kSecond), i);
}

// ---- messages

void Load::owe(Peer& peer, std::int64_t due) {
    const auto& message = messages_[peer.next_message];
    const auto events = static_cast<std::int64_t>(message.events.size());
    if (peer.owed.size() - peer.outstanding >= static_cast<std::size_t>(o_.waiting)) {
        never_sent_ += events;
    } else {
        peer.owed.push_back({due, events_, peer.next_message, 0, false});
    }
    events_ += events;
    peer.next_message = (peer.next_message + 1) % static_cast<std::uint32_t>(messages_.size());
}

void Load::fill(std::size_t i) {
    Peer& peer = peers_[i];
    const bool window = !mqtt_ || o_.qos != 0;
    while (peer.state == State::ready && peer.unsent.empty() && events_ < o_.messages &&
           (!window || peer.owed.size() + static_cast<std::size_t>(o_.k) <=
                           static_cast<std::size_t>(o_.window))) {
        const auto now = now_ns();
        for (int n = 0; n < o_.k && events_ < o_.messages; ++n)
            owe(peer, now);
        pump(i);
    }
}

void Load::pace() {
    const auto now = now_ns();
    const auto group = static_cast<double>(o_.k * o_.batch);
    while (events_ < o_.messages) {
        const auto at =
            epoch_ +
            static_cast<std::int64_t>((static_cast<double>(events_) + group) / o_.rate * 1e9);
        if (at > now) return;
        for (int n = 0; n < o_.k && events_ < o_.messages; ++n)
            owe(peers_[turn_], at);
        pump(turn_);
        turn_ = (turn_ + 1) % peers_.size();
    }
}

/// Sends what the window has room for.
void Load::pump(std::size_t i) {
    Peer& peer = peers_[i];
    if (peer.state != State::ready) return;
    const bool answered = !mqtt_ || o_.qos != 0;
    while (peer.outstanding < peer.owed.size() &&
           peer.outstanding < static_cast<std::size_t>(o_.window) &&
           peer.unsent.size() < kUnsentMax) {
        encode(peer, peer.owed[peer.outstanding]);
        ++peer.outstanding;
        if (!answered) acknowledged(peer, 0);
    }
    flush(i);
}

void Load::encode(Peer& peer, Owed& owed) {
    const Message& message = messages_[owed.message];
    const auto at = peer.unsent.size();
    peer.unsent += message.bytes;
    char* const bytes = peer.unsent.data() + at;
    if (o_.stamp) stamp(bytes, message, owed.number, wall_ + (owed.due - epoch_) / 1000);
    if (!mqtt_ || o_.qos == 0) return;
    owed.id = peer.next_id =
        static_cast<std::uint16_t>(peer.next_id == 65'535 ? 1 : peer.next_id + 1);
    bytes[message.packet_id] = static_cast<char>(owed.id >> 8U);
    bytes[message.packet_id + 1] = static_cast<char>(owed.id & 255U);
    if (owed.sent_before) bytes[0] = static_cast<char>(bytes[0] | 0x08);
}

void Load::flush(std::size_t i) {
    Peer& peer = peers_[i];
    while (peer.unsent_at < peer.unsent.size()) {
        const auto n = peer.channel.write(std::string_view(peer.unsent).substr(peer.unsent_at));
        if (n < 0) return lost(i, "the server ended a connection");
        if (n == 0) return;
        peer.unsent_at += static_cast<std::size_t>(n);
    }
    peer.unsent.clear();
    peer.unsent_at = 0;
}

void Load::read(std::size_t i) {
    Peer& peer = peers_[i];
    std::array<char, 65'536> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
    while (peer.state >= State::greeting) {
        const auto n = peer.channel.read(buffer.data(), buffer.size());
        if (n < 0) return lost(i, "the server ended a connection");
        if (n == 0) return;
        peer.input.append(buffer.data(), static_cast<std::size_t>(n));
        std::size_t at = 0;
        while (peer.state >= State::greeting) {
            const auto rest = std::string_view(peer.input).substr(at);
            const Answer answer = mqtt_ ? next_mqtt_answer(rest) : next_http_answer(rest);
            if (answer.kind == Answer::Kind::partial) break;
            at += answer.size;
            take(i, answer);
        }
        peer.input.erase(0, at);
    }
}

void Load::take(std::size_t i, const Answer& answer) {
    Peer& peer = peers_[i];
    switch (answer.kind) {
        case Answer::Kind::greeting:
            return greeted(i, answer.code);
        case Answer::Kind::pong:
            ++pongs_;
            return;
        case Answer::Kind::acknowledged:
            if (peer.outstanding == 0 || (mqtt_ && peer.owed.front().id != answer.id))
                fail("acknowledged what was not sent, or out of order");
            return acknowledged(peer, now_ns());
        case Answer::Kind::refused:
            if (peer.outstanding == 0) fail("answered what was not asked");
            refused_ +=
                static_cast<std::int64_t>(messages_[peer.owed.front().message].events.size());
            peer.owed.pop_front();
            --peer.outstanding;
            return;
        default:
            fail("not a protocol that is understood");
    }
}

void Load::acknowledged(Peer& peer, std::int64_t now) {
    const Owed owed = peer.owed.front();
    peer.owed.pop_front();
    --peer.outstanding;
    const auto events = static_cast<std::int64_t>(messages_[owed.message].events.size());
    acked_ += events;
    progress_ = now;
    if (now != 0 && static_cast<double>(owed.due - epoch_) / 1e9 >= o_.warmup)
        latency_.add((now - owed.due) / 1000, events);
    for (std::int64_t n = 0; n < events && !ledger_.empty(); ++n)
        ledger_[static_cast<std::size_t>(owed.number + n)] = 1;
}

// ---- turns

std::int64_t Load::wait_ns() const {
    if (connecting_ < o_.connecting && !to_start_.empty()) return 0;
    const auto now = now_ns();
    std::int64_t wait = kSecond;
    if (!resting_.empty()) wait = std::clamp<std::int64_t>(resting_.front().first - now, 0, wait);
    if (driving_ && o_.rate > 0 && events_ < o_.messages) wait = std::min(wait, kTick);
    return wait;
}

void Load::poll() {
    start_some();
    const auto wait = wait_ns();
    const timespec timeout{wait / kSecond, wait % kSecond};
    std::array<epoll_event, 256> events{};
    const int n = ::epoll_pwait2(epoll_, events.data(), events.size(), &timeout, nullptr);
    for (int j = 0; j < n; ++j)
        turn(events[static_cast<std::size_t>(j)].data.u64);
}

void Load::turn(std::size_t i) {
    Peer& peer = peers_[i];
    if (peer.state == State::establishing) establish(i);
    if (peer.state < State::greeting) return;
    read(i);
    if (peer.state >= State::greeting) flush(i);
    if (!driving_ || peer.state != State::ready) return;
    pump(i);
    if (o_.rate <= 0) fill(i);
}

void Load::idle() {
    const auto end = now_ns() + static_cast<std::int64_t>(o_.idle * kSecond);
    bool all = false;
    while (now_ns() < end && stop == 0) {
        if (!std::exchange(all, ready_ == peers_.size()) && all) {
            print_connected(ready_, lost_, turned_away_, connect_);
            connect_ = Histogram();
        }
        poll();
    }
}

void Load::drive() {
    const double before = cpu_seconds();
    driving_ = true;
    epoch_ = progress_ = now_ns();
    wall_ = now_ns(CLOCK_REALTIME) / 1000;
    for (std::size_t i = 0; i < peers_.size() && o_.rate <= 0; ++i)
        fill(i);
    const auto patience = static_cast<std::int64_t>(o_.patience * kSecond);
    while (acked_ + refused_ + never_sent_ < o_.messages && stop == 0) {
        if (o_.rate > 0) pace();
        poll();
        if (progress_ == 0) progress_ = now_ns();
        if (now_ns() - progress_ > patience) break;
    }
    if (mqtt_ && o_.qos == 0) barrier();
    print_result({
        .sent = events_ - never_sent_,
        .acked = acked_,
        .refused = refused_,
        .never_sent = never_sent_,
        .seconds = static_cast<double>(now_ns() - epoch_) / 1e9,
        .cpu_seconds = cpu_seconds() - before,
        .lost = lost_,
        .turned_away = turned_away_,
        .connect = connect_,
        .latency = latency_,
    });
    write_ledger();
}

/// QoS 0 is not acknowledged; but who answers a PINGREQ has read what came before it.
void Load::barrier() {
    for (std::size_t i = 0; i < peers_.size(); ++i) {
        if (peers_[i].state != State::ready) continue;
        peers_[i].unsent += std::string("\xc0\x00", 2);
        flush(i);
    }
    const auto end = now_ns() + static_cast<std::int64_t>(o_.patience * kSecond);
    while (pongs_ < static_cast<std::int64_t>(ready_) && now_ns() < end && stop == 0)
        poll();
}

void Load::write_ledger() const {
    if (o_.ledger.empty()) return;
    std::ofstream file(o_.ledger, std::ios::binary);
    file.write(ledger_.data(), static_cast<std::streamsize>(ledger_.size()));
    if (!file) fail("cannot write the ledger");
}

}  // namespace load
