#include "ingest/shard_listeners.h"

#include "base/log.h"
#include "ingest/shard_state.h"

#include <utility>

namespace penstock::ingest {

ShardListeners::State::State(boost::asio::io_context& io, Listeners& all, ShardListeners& owner)
    : listeners(all),
      readiness(
          io, [&owner] { owner.events(); }, [&owner] { owner.tick(); }, kTick
      ),
      began(all.clock().monotonic()),
      dropped_later(all.registry().counter(
          "penstock_dropped_wills_total",
          "Last wills dropped because too many waited for room in the journal."
      )),
      held(all.registry().gauge(
          "penstock_connection_buffer_bytes",
          "Memory that connections hold for the beginnings of packets and for answers that are not "
          "read."
      )) {
    for (std::size_t i = 0; i < all.size(); ++i) {
        acceptors.push_back({&all.at(i), 0, false, false});
        cells.push_back(std::make_unique<ListenerCells>(all.registry(), all.at(i).name()));
    }
}

ShardListeners::ShardListeners(
    boost::asio::io_context& io, ShardId id, Listeners& listeners, Intake& intake, Shards& shards
)
    : id_(id),
      shards_(shards),
      intake_(intake),
      state_(std::make_unique<State>(io, listeners, *this)) {
    now_ = state_->began;
    listeners.attach(id, this);
    intake.attach(*this);
}

ShardListeners::~ShardListeners() {
    state_->listeners.attach(id_, nullptr);
    // Connections go without a last word: the loop has stopped.
    state_->slots.clear();
}

void ShardListeners::start() {
    for (State::Acceptor& acceptor : state_->acceptors) {
        acceptor.listener->protocol().start(*this, *acceptor.listener);
    }
    for (std::size_t i = 0; i < state_->acceptors.size(); ++i) {
        const int fd = state_->acceptors[i].listener->descriptor(id_);
        if (!state_->readiness.add(fd, 0, State::kAcceptorTag | i)) {
            log::error(
                "cannot watch a listener", {{"listener", state_->acceptors[i].listener->name()}}
            );
        }
    }
    watch_acceptors();
    state_->readiness.start_ticking();
    state_->readiness.arm();
}

metrics::Registry& ShardListeners::registry() const noexcept {
    return state_->listeners.registry();
}

ListenerCells& ShardListeners::cells(const Listener& listener) noexcept {
    return *state_->cells[listener.index()];
}

std::size_t ShardListeners::connections() const noexcept {
    return state_->open;
}

Connection* ShardListeners::find(std::uint32_t slot, std::uint32_t generation) noexcept {
    if (slot >= state_->slots.size()) return nullptr;
    const State::Slot& place = state_->slots[slot];
    return place.generation == generation ? place.connection.get() : nullptr;
}

bool ShardListeners::crowded() const noexcept {
    return state_->held_bytes > state_->listeners.memory_share() / 2;
}

Listeners& ShardListeners::listeners() const noexcept {
    return state_->listeners;
}

Nanoseconds ShardListeners::wall() const noexcept {
    return state_->listeners.clock().wall();
}

void ShardListeners::run(const std::function<void()>& work) {
    if (state_->in_turn) return work();
    turn(work);
}

// ---- turns

template <class Work>
void ShardListeners::turn(Work&& work) {
    state_->in_turn = true;
    now_ = state_->listeners.clock().monotonic();
    work();
    settle();
    state_->in_turn = false;
}

void ShardListeners::events() {
    turn([this] {
        std::vector<State::Ref> again;
        again.swap(state_->to_go_on);
        for (const State::Ref ref : again) {
            if (Connection* const connection = find(ref.slot, ref.generation)) connection->go_on();
        }
        std::array<epoll_event, kEventsPerTurn>
            ready;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled
        const std::size_t count = state_->readiness.collect(ready);
        for (const epoll_event& event : std::span(ready).first(count)) {
            const auto generation = static_cast<std::uint32_t>(event.data.u64 >> 32);
            const auto slot = static_cast<std::uint32_t>(event.data.u64);
            if (generation == State::kNone) {
                accept_some(slot);
            } else if (Connection* const connection = find(slot, generation)) {
                connection->ready(event.events);
            }
        }
        state_->readiness.arm();
    });
}

void ShardListeners::tick() {
    turn([this] {
        state_->wheel.advance(state_->tick_of(now_), [this](State::Ref ref, std::uint32_t at) {
            Connection* const connection = find(ref.slot, ref.generation);
            if (connection == nullptr || connection->timer_tick_ == 0 ||
                connection->timer_tick_ > at)
                return;
            connection->timer_tick_ = 0;
            if (connection->write_deadline_ != 0 && connection->write_deadline_ <= now_) {
                return connection->close("write_timeout");
            }
            if (connection->deadline_ != 0 && connection->deadline_ <= now_) {
                connection->deadline_ = 0;
                connection->deadline_passed();
            }
            if (connection->state_ != Connection::State::closed) schedule(*connection);
        });
        for (State::Acceptor& acceptor : state_->acceptors)
            acceptor.starved = false;
        watch_acceptors();
        submit_waiting();
    });
}

void ShardListeners::durable(std::span<const Ticket> tickets) {
    if (state_->in_turn) {
        state_->durable_came.insert(state_->durable_came.end(), tickets.begin(), tickets.end());
        return;
    }
    turn([&] { bring_durable(tickets); });
}

void ShardListeners::room() {
    state_->room_came = true;
    if (!state_->in_turn) turn([] {});
}

void ShardListeners::bring_durable(std::span<const Ticket> tickets) {
    for (const Ticket& ticket : tickets) {
        if (Connection* const connection = find(ticket.connection, ticket.generation)) {
            if (connection->state_ != Connection::State::closed)
                connection->durable(ticket.sequence);
        }
    }
}

void ShardListeners::bring_room() {
    state_->busy = false;
    submit_waiting();
    // In turn: who finds the intake busy again goes behind the others, who come first next time.
    for (std::size_t left = state_->waiting.size(); left != 0; --left) {
        const State::Ref ref = state_->waiting.front();
        state_->waiting.pop_front();
        Connection* const connection = find(ref.slot, ref.generation);
        if (connection == nullptr || !connection->held(kHoldRoom)) continue;
        connection->holds_ &= static_cast<std::uint8_t>(~kHoldRoom);
        connection->go_on();
        if (connection->held(kHoldRoom)) return;
    }
}

/// Everything that callbacks left behind, until nothing is: bounded, because output and ends only
/// shrink here.
void ShardListeners::settle() {
    while (!state_->durable_came.empty() || state_->room_came) {
        std::vector<Ticket> tickets;
        tickets.swap(state_->durable_came);
        bring_durable(tickets);
        if (std::exchange(state_->room_came, false)) bring_room();
    }
    if (state_->held_bytes > state_->listeners.memory_share()) shed_connections();
    for (std::size_t i = 0; i < state_->to_flush.size(); ++i) {
        const State::Ref ref = state_->to_flush[i];
        if (Connection* const connection = find(ref.slot, ref.generation)) connection->flush();
    }
    state_->to_flush.clear();
    if (!state_->to_move.empty()) move_connections();
    if (!state_->to_end.empty()) end_connections();
    if (state_->held_bytes != state_->held_before) {
        const auto before = std::exchange(state_->held_before, state_->held_bytes);
        state_->held.add(static_cast<double>(state_->held_bytes) - static_cast<double>(before));
    }
    if (!state_->to_go_on.empty()) state_->readiness.soon();
    if (draining_) check_drained();
}

void ShardListeners::end_connections() {
    for (std::size_t i = 0; i < state_->to_end.size(); ++i) {
        const State::Ref ref = state_->to_end[i];
        Connection* const connection = find(ref.slot, ref.generation);
        if (connection == nullptr) continue;
        connection->closed();
        cells(connection->listener()).disconnected(connection->end_reason_);
        const std::unique_ptr<Connection> gone = unseat(ref.slot);
    }
    state_->to_end.clear();
    watch_acceptors();
}

/// Those that hold most, until an eighth of the bound is free: the search costs a look at every
/// connection, and so comes seldom.
void ShardListeners::shed_connections() {
    const std::size_t bound = state_->listeners.memory_share() / 8 * 7;
    std::vector<Connection*> heaviest;
    for (const State::Slot& place : state_->slots) {
        if (place.connection != nullptr && place.connection->held_bytes_ != 0)
            heaviest.push_back(place.connection.get());
    }
    std::sort(heaviest.begin(), heaviest.end(), [](const Connection* a, const Connection* b) {
        return a->held_bytes_ > b->held_bytes_;
    });
    for (Connection* const connection : heaviest) {
        if (state_->held_bytes <= bound) break;
        connection->give_up_memory();
    }
    log::warn("connections hold too much memory: ended those that hold most");
}

// ---- places

Connection& ShardListeners::seat(std::unique_ptr<Connection> connection) {
    std::uint32_t slot = state_->free_slot;
    if (slot == State::kNone) {
        slot = static_cast<std::uint32_t>(state_->slots.size());
        state_->slots.emplace_back();
    } else {
        state_->free_slot = state_->slots[slot].next_free;
    }
    State::Slot& place = state_->slots[slot];
    place.connection = std::move(connection);
    place.connection->shard_ = this;
    place.connection->slot_ = slot;
    place.connection->generation_ = place.generation;
    place.connection->timer_tick_ = 0;
    place.connection->account();
    ++state_->open;
    return *place.connection;
}

std::unique_ptr<Connection> ShardListeners::unseat(std::uint32_t slot) {
    State::Slot& place = state_->slots[slot];
    // 0 and kNone never stand for a generation.
    if (++place.generation == State::kNone) place.generation = 1;
    place.next_free = std::exchange(state_->free_slot, slot);
    --state_->open;
    state_->held_bytes -= std::exchange(place.connection->held_bytes_, 0U);
    return std::move(place.connection);
}

void ShardListeners::schedule(Connection& connection) {
    Nanoseconds due = connection.deadline_;
    if (connection.write_deadline_ != 0 && (due == 0 || connection.write_deadline_ < due)) {
        due = connection.write_deadline_;
    }
    if (due == 0) return;
    const std::uint32_t tick = state_->tick_of(due);
    if (connection.timer_tick_ != 0 && connection.timer_tick_ <= tick) return;
    connection.timer_tick_ = state_->wheel.add({connection.slot_, connection.generation_}, tick);
}

void ShardListeners::queue_go_on(Connection& connection) {
    if (std::exchange(connection.again_queued_, true)) return;
    state_->to_go_on.push_back({connection.slot_, connection.generation_});
    // Outside a turn nobody else would look.
    if (!state_->in_turn) state_->readiness.soon();
}

// ---- last messages

void ShardListeners::submit_later(const Message& message) {
    const std::size_t size = State::size_of(message);
    if (state_->later.size() >= State::kLaterMax ||
        state_->later_bytes + size > State::kLaterBytesMax) {
        return state_->dropped_later.add();
    }
    state_->later_bytes += size;
    State::Later later{message, std::string(message.client_id), std::string(message.topic), {}};
    later.payload.assign(message.payload.begin(), message.payload.end());
    later.payload.resize(message.payload.size() + kPayloadPadding);
    state_->later.push_back(std::move(later));
    submit_waiting();
}

void ShardListeners::submit_waiting() {
    while (!state_->later.empty()) {
        State::Later& next = state_->later.front();
        next.message.client_id = next.client_id;
        next.message.topic = next.topic;
        next.message.payload = {next.payload.data(), next.payload.size() - kPayloadPadding};
        const Reply reply = intake_.submit(next.message, {0, 0, Ticket::kNoAnswer});
        if (reply.kind == Reply::Kind::busy) return;
        state_->later_bytes -= State::size_of(next.message);
        state_->later.pop_front();
    }
}

// ---- drain

void ShardListeners::drain(Nanoseconds bound, std::function<void()> done) {
    turn([&] {
        draining_ = true;
        state_->drain_until = now_ + bound;
        state_->drained = std::move(done);
        stop_accepting();
        for (State::Slot& place : state_->slots) {
            Connection* const connection = place.connection.get();
            if (connection == nullptr || connection->ending()) continue;
            if (connection->state_ == Connection::State::handshaking) {
                connection->close("drain");
                continue;
            }
            connection->hold(kHoldEnded);
            connection->drain();
        }
    });
}

void ShardListeners::check_drained() {
    if (!state_->drained) return;
    if (now_ >= state_->drain_until) {
        for (State::Slot& place : state_->slots) {
            if (place.connection != nullptr) place.connection->close("drain_timeout");
        }
        end_connections();
    }
    const bool over = state_->open == 0 && (state_->later.empty() || now_ >= state_->drain_until);
    if (over) std::exchange(state_->drained, nullptr)();
}

}  // namespace penstock::ingest
