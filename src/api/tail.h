#pragma once

#include "base/record_json.h"
#include "penstock/history.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace penstock::metrics {
class Registry;
}

namespace penstock::api {

/// One follower of new records: a bounded buffer between the thread that reads the journal and a
/// connection. Threads: one writer (the tail's thread), one reader.
class TailClient {
public:
    struct Filter {
        std::string device;                // empty: every device
        std::string stream;                // empty: every stream but quarantined records
        std::uint64_t limit = UINT64_MAX;  // records, then the end
    };
    enum class State : std::uint8_t {
        open,
        over,  // the limit is reached, or the journal is closed
        cut,   // the client did not read fast enough
    };

    /// `wake` is called on the tail's thread when there is something to take; at most once until
    /// then.
    TailClient(Filter filter, std::size_t buffer_max, std::function<void()> wake);

    /// Swaps what waits into `out` (server-sent events) and says what comes after it.
    [[nodiscard]] State take(std::string& out);

private:
    friend class Tail;
    [[nodiscard]] bool wants(const RecordView& record) const;
    /// False: this cut the client.
    bool offer(std::string_view frame);
    void end(State state);
    void tell(std::unique_lock<std::mutex>& lock);

    const Filter filter_;
    const std::size_t buffer_max_;
    const std::function<void()> wake_;
    std::mutex mutex_;
    std::string waiting_;        // guarded by mutex_
    std::uint64_t left_;         // guarded by mutex_
    State state_ = State::open;  // guarded by mutex_
    bool told_ = false;          // guarded by mutex_
};

/// Reads new records once and hands each to every client that wants it. Its thread runs while there
/// are clients. Bounds: `clients_max` clients, `buffer_max` bytes a client; who does not keep up is
/// cut and counted, and holds up nobody. Threads: any thread.
class Tail {
public:
    Tail(
        History& history,
        const JournalId& journal,
        std::size_t clients_max,
        std::size_t buffer_max,
        metrics::Registry& registry
    );
    ~Tail();
    Tail(const Tail&) = delete;
    Tail& operator=(const Tail&) = delete;

    /// Null when there are too many. The client follows until it is dropped by its owner.
    [[nodiscard]] std::shared_ptr<TailClient> join(
        TailClient::Filter filter, std::function<void()> wake
    );

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace penstock::api
