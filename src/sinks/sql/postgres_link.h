#pragma once

#include "penstock/clock.h"
#include "penstock/sink.h"
#include "sinks/sql/postgres_config.h"
#include "sinks/sql/postgres_error.h"
#include "sinks/transport/name_lookup.h"

#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// What became of the statements that were sent together.
struct PostgresAnswer {
    using Row = std::vector<std::string>;
    std::vector<Row> rows;               // of the last statement that has any; NULL is empty
    std::optional<PostgresError> error;  // none of the statements took effect
};

/// One connection to a PostgreSQL server, logged in. Statements that are sent together are one
/// transaction. Nothing blocks but poll(), and poll() for at most its wait; the destructor drops a
/// connection that hangs.
/// Threads: owner.
class PostgresLink {
public:
    /// `clock` must outlive it.
    PostgresLink(PostgresServerConfig config, const Clock& clock);
    PostgresLink(const PostgresLink&) = delete;
    PostgresLink& operator=(const PostgresLink&) = delete;
    ~PostgresLink() = default;

    /// Logged in, and nothing under way.
    [[nodiscard]] bool ready() const noexcept { return stage_ == Stage::ready && !failure_; }
    /// Why it is over, for good.
    [[nodiscard]] const std::optional<SinkFailure>& failure() const noexcept { return failure_; }
    /// Sends statements. Each of them that is a COPY FROM STDIN takes the next of `copies`.
    /// Precondition: ready.
    void run(const std::string& sql, std::vector<std::string> copies = {});
    /// Moves bytes along, waits at most `wait`; the answer to run() once it is complete.
    [[nodiscard]] std::optional<PostgresAnswer> poll(Nanoseconds wait);

private:
    enum class Stage : std::uint8_t { resolving, connecting, greeting, ready, running };
    struct Close {
        void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
    };

    void resolve(Nanoseconds wait);
    void open(const std::vector<std::string>& addresses);
    void connect(Nanoseconds wait);
    void greet();
    void send(const std::string& sql);
    [[nodiscard]] std::optional<PostgresAnswer> move();
    void take(const PGresult& result);
    void push_copy();
    void wait_for(bool reading, bool writing, Nanoseconds wait) const;
    void end(SinkFailure why, bool lost);
    void end_broken();
    [[nodiscard]] bool late(Duration bound) const noexcept {
        return clock_.monotonic() - heard_at_ >= bound.count();
    }

    const PostgresServerConfig config_;
    const Clock& clock_;
    NameLookup lookup_;
    std::unique_ptr<PGconn, Close> connection_;
    Stage stage_ = Stage::resolving;
    PostgresPollingStatusType wanted_ = PGRES_POLLING_WRITING;  // while connecting
    Nanoseconds heard_at_;
    std::optional<SinkFailure> failure_;

    std::vector<std::string> copies_;
    std::size_t next_copy_ = 0;
    bool copying_ = false;
    std::size_t copied_ = 0;  // bytes of the copy under way
    bool unsent_ = false;     // the library holds bytes that the connection did not take yet
    PostgresAnswer answer_;
};

}  // namespace penstock::sinks
