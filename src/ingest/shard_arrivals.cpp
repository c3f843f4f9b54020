#include "base/log.h"
#include "ingest/listening_socket.h"
#include "ingest/shard_listeners.h"
#include "ingest/shard_state.h"

#include <sys/socket.h>

#include <utility>

/// How connections come to a shard: accepted, or moved in from another one.
namespace penstock::ingest {

// ---- accepting

void ShardListeners::watch_acceptors() {
    for (std::size_t i = 0; i < state_->acceptors.size(); ++i) {
        State::Acceptor& acceptor = state_->acceptors[i];
        const TlsConfig* const tls = acceptor.listener->tls();
        const bool full = tls != nullptr && acceptor.handshakes >= tls->handshakes_max;
        const bool wanted = !draining_ && !acceptor.starved && !full;
        if (wanted == acceptor.watched) continue;
        acceptor.watched = wanted;
        const std::uint32_t events = wanted ? std::uint32_t{EPOLLIN} : 0U;
        state_->readiness.change(
            acceptor.listener->descriptor(id_), events, State::kAcceptorTag | i
        );
    }
}

/// Who waits in the queue, or knocks from now on, is refused by the system and tries elsewhere.
void ShardListeners::stop_accepting() {
    for (State::Acceptor& acceptor : state_->acceptors) {
        const int fd = acceptor.listener->descriptor(id_);
        state_->readiness.remove(fd);
        ::shutdown(fd, SHUT_RDWR);
        acceptor.watched = false;
    }
}

void ShardListeners::accept_some(std::size_t index) {
    for (int i = 0; i < kAcceptsPerTurn && state_->acceptors[index].watched; ++i) {
        Peer peer;
        auto socket = accept_one(state_->acceptors[index].listener->descriptor(id_), peer);
        if (!socket.ok()) {
            State::Acceptor& acceptor = state_->acceptors[index];
            log::warn(
                "cannot accept connections",
                {{"listener", acceptor.listener->name()}, {"reason", socket.error().message}}
            );
            cells(*acceptor.listener).refused("no_descriptors");
            acceptor.starved = true;
            return watch_acceptors();
        }
        if (!socket->open()) return;
        welcome(std::move(socket).value(), peer, index);
    }
}

void ShardListeners::welcome(Socket socket, const Peer& peer, std::size_t index) {
    Listener& listener = *state_->acceptors[index].listener;
    if (const std::string_view reason = listener.enter(peer); !reason.empty()) {
        return cells(listener).refused(reason);
    }
    Admission admission(listener, peer);
    auto transport = listener.transport(std::move(socket));
    if (!transport.ok()) return cells(listener).refused("no_memory");

    Connection& connection =
        seat(listener.protocol().accept({*this, std::move(admission), std::move(transport).value()})
        );
    const std::uint64_t tag = State::tag({connection.slot_, connection.generation_});
    if (!state_->readiness.add(connection.transport_.fd(), EPOLLIN, tag)) {
        cells(listener).refused("no_descriptors");
        const std::unique_ptr<Connection> gone = unseat(connection.slot_);
        return;
    }
    connection.watched_ = EPOLLIN;
    cells(listener).connected();
    if (!listener.secure()) return connection.opened();
    connection.state_ = Connection::State::handshaking;
    connection.set_deadline(now_ + listener.tls()->handshake_timeout.count());
    ++state_->acceptors[index].handshakes;
    watch_acceptors();
}

void ShardListeners::handshake_over(const Listener& listener) {
    --state_->acceptors[listener.index()].handshakes;
    watch_acceptors();
}

// ---- moving

void ShardListeners::move(
    Connection& connection, ShardId target, std::function<void(Connection&)> arrived
) {
    connection.hold(kHoldProtocol);
    connection.moving_ = true;
    state_->to_move.push_back(
        {{connection.slot_, connection.generation_}, target, std::move(arrived)}
    );
}

void ShardListeners::move_connections() {
    for (State::Move& move : state_->to_move) {
        Connection* const connection = find(move.who.slot, move.who.generation);
        if (connection == nullptr || connection->state_ != Connection::State::open) continue;
        state_->readiness.remove(connection->transport_.fd());
        cells(connection->listener()).moved_out();
        // std::function wants copyable work; nothing is copied.
        auto traveller = std::make_shared<std::unique_ptr<Connection>>(unseat(move.who.slot));
        shards_.post(
            move.target,
            [&listeners = state_->listeners,
             target = move.target,
             traveller,
             arrived = std::move(move.arrived)] {
                if (ShardListeners* const home = listeners.shard(target)) {
                    home->run([&] { home->adopt(std::move(*traveller), arrived); });
                }
            }
        );
    }
    state_->to_move.clear();
}

void ShardListeners::adopt(
    std::unique_ptr<Connection> traveller, const std::function<void(Connection&)>& arrived
) {
    if (traveller == nullptr) return;
    if (draining_) return cells(traveller->listener()).refused("draining");
    Connection& connection = seat(std::move(traveller));
    connection.flush_queued_ = false;
    connection.again_queued_ = false;
    connection.moving_ = false;
    connection.watched_ = 0;
    const std::uint64_t tag = State::tag({connection.slot_, connection.generation_});
    if (!state_->readiness.add(connection.transport_.fd(), 0, tag)) {
        cells(connection.listener()).refused("no_descriptors");
        const std::unique_ptr<Connection> gone = unseat(connection.slot_);
        return;
    }
    cells(connection.listener()).moved_in();
    schedule(connection);
    if (!connection.output_.empty()) connection.queued();
    connection.watch();
    arrived(connection);
}

}  // namespace penstock::ingest
