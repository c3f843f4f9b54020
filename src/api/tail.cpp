#include "api/tail.h"

#include "base/json_text.h"
#include "base/log.h"
#include "base/metrics.h"

#include <atomic>
#include <condition_variable>
#include <stop_token>
#include <utility>

namespace penstock::api {
namespace {

constexpr Nanoseconds kWait = 250 * kMillisecond;
constexpr std::string_view kQuarantine = "_quarantine";

}  // namespace

// ---- TailClient

TailClient::TailClient(Filter filter, std::size_t buffer_max, std::function<void()> wake)
    : filter_(std::move(filter)),
      buffer_max_(buffer_max),
      wake_(std::move(wake)),
      left_(filter_.limit) {}

bool TailClient::wants(const RecordView& record) const {
    if (!filter_.device.empty() && record.device() != filter_.device) return false;
    if (filter_.stream == kQuarantine) return record.quarantined();
    return !record.quarantined() && (filter_.stream.empty() || record.stream() == filter_.stream);
}

void TailClient::tell(std::unique_lock<std::mutex>& lock) {
    const bool first = !std::exchange(told_, true);
    lock.unlock();
    if (first) wake_();
}

bool TailClient::offer(std::string_view frame) {
    std::unique_lock lock(mutex_);
    if (state_ != State::open) return true;
    const bool fits = waiting_.empty() || waiting_.size() + frame.size() <= buffer_max_;
    if (!fits) {
        state_ = State::cut;
    } else {
        waiting_ += frame;
        if (--left_ == 0) state_ = State::over;
    }
    tell(lock);
    return fits;
}

void TailClient::end(State state) {
    std::unique_lock lock(mutex_);
    if (state_ == State::open) state_ = state;
    tell(lock);
}

TailClient::State TailClient::take(std::string& out) {
    const std::lock_guard lock(mutex_);
    out.clear();
    out.swap(waiting_);
    told_ = false;
    return state_;
}

// ---- Tail

struct Tail::State {
    State(History& source, const JournalId& journal, std::size_t most, std::size_t buffer)
        : history(source), json(journal), clients_max(most), buffer_max(buffer) {}

    /// The clients whose owners still hold them.
    std::vector<std::shared_ptr<TailClient>> living() {
        std::vector<std::shared_ptr<TailClient>> found;
        const std::lock_guard lock(mutex);
        std::erase_if(clients, [&](const std::weak_ptr<TailClient>& client) {
            auto held = client.lock();
            if (held == nullptr) return true;
            found.push_back(std::move(held));
            return false;
        });
        count.store(clients.size(), std::memory_order_relaxed);
        return found;
    }

    void work(const std::stop_token& stop);
    void follow(const std::stop_token& stop);
    void hand_out(const Chunk& chunk, Lsn from);
    void frame_of(Lsn lsn, const RecordView& record);

    History& history;
    const RecordJson json;
    const std::size_t clients_max;
    const std::size_t buffer_max;
    std::mutex mutex;
    std::condition_variable_any wake;
    std::vector<std::weak_ptr<TailClient>> clients;  // guarded by mutex
    std::atomic<std::uint64_t> count{0};  // of clients; relaxed: a scrape wants a recent value
    std::atomic<std::uint64_t> cut{0};    // likewise
    std::string frame;                    // the tail's thread only
    std::vector<metrics::Registration> registrations;
    std::jthread thread;
};

void Tail::State::frame_of(Lsn lsn, const RecordView& record) {
    frame = "id: ";
    append_json_number(lsn.value, frame);
    frame += "\ndata: ";
    json.append(lsn, record, frame);
    frame += "\n\n";
}

void Tail::State::hand_out(const Chunk& chunk, Lsn from) {
    const auto followers = living();
    auto rest = chunk.records();
    for (Lsn lsn = chunk.first(); !rest.empty(); lsn = lsn.next()) {
        const auto record = RecordView::parse(rest);
        if (!record.ok()) return log::error("tail: a record cannot be read", {{"lsn", lsn.value}});
        rest = rest.subspan(record->bytes().size());
        if (lsn < from) continue;
        bool made = false;
        for (const auto& client : followers) {
            if (!client->wants(*record)) continue;
            if (!made) frame_of(lsn, *record);
            made = true;
            if (!client->offer(frame)) cut.fetch_add(1, std::memory_order_relaxed);
        }
    }
}

/// From the newest record on, as long as somebody listens.
void Tail::State::follow(const std::stop_token& stop) {
    const auto reader = history.tail();
    while (!stop.stop_requested() && !living().empty()) {
        const Lsn from = reader->position();
        const auto read = reader->read(kWait, stop);
        if (!read.ok()) {
            log::warn("tail: the journal cannot be read", {{"reason", read.error().message}});
            for (const auto& client : living())
                client->end(TailClient::State::over);
            return;
        }
        if (read->chunk != nullptr) hand_out(*read->chunk, from);
    }
}

void Tail::State::work(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        {
            std::unique_lock lock(mutex);
            if (!wake.wait(lock, stop, [this] { return !clients.empty(); })) break;
        }
        follow(stop);
    }
    for (const auto& client : living())
        client->end(TailClient::State::over);
}

Tail::Tail(
    History& history,
    const JournalId& journal,
    std::size_t clients_max,
    std::size_t buffer_max,
    metrics::Registry& registry
)
    : state_(std::make_unique<State>(history, journal, clients_max, buffer_max)) {
    const auto value_of = [](const std::atomic<std::uint64_t>& cell) {
        return [&cell] { return static_cast<double>(cell.load(std::memory_order_relaxed)); };
    };
    state_->registrations.push_back(registry.gauge_fn(
        "penstock_tail_clients", "Clients that follow new records.", {}, value_of(state_->count)
    ));
    state_->registrations.push_back(registry.counter_fn(
        "penstock_tail_cut_clients_total",
        "Clients of the tail that were cut because they did not read fast enough.",
        {},
        value_of(state_->cut)
    ));
    state_->thread = std::jthread([this](const std::stop_token& stop) { state_->work(stop); });
}

Tail::~Tail() = default;

std::shared_ptr<TailClient> Tail::join(TailClient::Filter filter, std::function<void()> wake) {
    if (state_->living().size() >= state_->clients_max) return nullptr;
    auto client =
        std::make_shared<TailClient>(std::move(filter), state_->buffer_max, std::move(wake));
    {
        const std::lock_guard lock(state_->mutex);
        state_->clients.push_back(client);
        state_->count.store(state_->clients.size(), std::memory_order_relaxed);
    }
    state_->wake.notify_all();
    return client;
}

}  // namespace penstock::api
