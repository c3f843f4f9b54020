#pragma once

#include "api/config.h"
#include "api/site.h"
#include "penstock/clock.h"
#include "penstock/history.h"
#include "penstock/result.h"

#include <cstdint>
#include <memory>

namespace penstock::api {

/// The admin listener, on a thread of its own. Starts before the journal is open, so that a node
/// that recovers can be asked how it is (`/live` 200, `/ready` 503).
///
///     PS_TRY(auto admin, api::Server::start(settings.admin, {readiness, status, sinks}, clock,
///     registry));
///     ... recovery ...
///     admin->open(journal.history(), journal.id());
///     ... at the end, before the history and what the sources refer to is destroyed:
///     admin.reset();
///
/// Threads: owner. The sources are called on the server's thread.
class Server {
public:
    /// Errors: invalid_argument (beyond loopback without a token), io (the address is taken or not
    /// ours).
    [[nodiscard]] static Result<std::unique_ptr<Server>> start(
        const Config& config, Sources sources, const Clock& clock, metrics::Registry& metrics
    );
    /// Ends all connections and queries; takes as long as the longest running query.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// From now on queries and the tail are answered. Once.
    void open(History& history, const JournalId& journal);

    /// With the port that the system chose.
    [[nodiscard]] const Address& address() const noexcept;

private:
    struct State;
    explicit Server(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace penstock::api
