#include "sinks/stream/nats_link.h"

#include "base/text.h"
#include "sinks/stream/nats_errors.h"
#include "sinks/stream/nats_settings.h"

#include <nats/nats.h>
#include <openssl/crypto.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace penstock::sinks {

namespace {

using Connection = std::unique_ptr<natsConnection, NatsDelete<natsConnection_Destroy>>;
using Context = std::unique_ptr<jsCtx, NatsDelete<jsCtx_Destroy>>;

}  // namespace

void NatsBatch::add(Lsn lsn, Lsn before, std::string_view subject, std::string_view value) {
    Item item{lsn, before, bytes.size(), 0, value.size()};
    bytes += subject;
    bytes += '\0';
    item.value = bytes.size();
    bytes += value;
    bytes += '\0';
    items.push_back(item);
}

struct NatsLink::Shared {
    Shared(NatsConfig c, std::string j) : config(std::move(c)), journal(std::move(j)) {}

    const NatsConfig config;
    const std::string journal;

    std::mutex mutex;  // guards everything below
    std::condition_variable news;
    std::condition_variable work;
    State state = State::connecting;
    bool closing = false;
    bool gone = false;  // its thread has left the library
    SinkFailure failure;
    NatsBatch inbox;
    std::vector<NatsAck> acks;

    void end(SinkFailure why);
    void hear(NatsAck ack);
    void run(void* number);
    void serve(jsCtx& js);
    [[nodiscard]] bool publish_one(jsCtx& js, const NatsBatch& batch, const NatsBatch::Item& item);
    [[nodiscard]] Lsn lsn_of(natsMsg* message) const;

    static void on_ack(jsCtx*, natsMsg* message, jsPubAck* ack, jsPubAckErr* error, void* to);
    static void on_closed(natsConnection* connection, void* to);
    static void on_error(
        natsConnection* connection, natsSubscription*, natsStatus status, void* to
    );
};

/// The links that are alive, by number: callbacks of the library may come after all else is gone.
/// Threads: any.
class NatsLinks {
public:
    void* add(const std::shared_ptr<NatsLink::Shared>& link) {
        const std::lock_guard lock(mutex_);
        links_.emplace(++last_, link);
        // NOLINTNEXTLINE(performance-no-int-to-ptr): a number that the library carries for us.
        return reinterpret_cast<void*>(last_);
    }
    void remove(void* number) {
        const std::lock_guard lock(mutex_);
        links_.erase(reinterpret_cast<std::uintptr_t>(number));
        fewer_.notify_all();
    }
    /// Waits at most `bound` until no thread of a link is in the library.
    void wait_until_none(Nanoseconds bound) {
        std::unique_lock lock(mutex_);
        fewer_.wait_for(lock, std::chrono::nanoseconds(bound), [this] { return links_.empty(); });
    }
    std::shared_ptr<NatsLink::Shared> find(void* number) {
        const std::lock_guard lock(mutex_);
        const auto found = links_.find(reinterpret_cast<std::uintptr_t>(number));
        return found == links_.end() ? nullptr : found->second.lock();
    }

private:
    std::mutex mutex_;  // guards all
    std::condition_variable fewer_;
    std::uintptr_t last_ = 0;
    std::map<std::uintptr_t, std::weak_ptr<NatsLink::Shared>> links_;
};

namespace {

/// At the end of the process: the library takes itself down next, whoever is still in it.
struct Farewell {
    explicit Farewell(NatsLinks& given) : all(given) {}
    Farewell(const Farewell&) = delete;
    Farewell& operator=(const Farewell&) = delete;
    ~Farewell() { all.wait_until_none(kSinkStopBound); }

    NatsLinks& all;
};

/// Never destroyed: threads that outlive main() use it.
NatsLinks& links() {
    static auto* const all = new NatsLinks;
    static const Farewell farewell(*all);
    return *all;
}

}  // namespace

// ---- what the library calls, on its threads ----------------------------------------------------

Lsn NatsLink::Shared::lsn_of(natsMsg* message) const {
    const char* id = nullptr;
    if (natsMsgHeader_Get(message, "Nats-Msg-Id", &id) != NATS_OK || id == nullptr) return {};
    const std::string_view text(id);
    if (text.size() <= journal.size() + 1) return {};
    return Lsn{text::parse_uint(text.substr(journal.size() + 1)).value_or(0)};
}

void NatsLink::Shared::on_ack(
    jsCtx*, natsMsg* message, jsPubAck* ack, jsPubAckErr* error, void* to
) {
    const std::unique_ptr<natsMsg, NatsDelete<natsMsg_Destroy>> owned(message);
    const auto self = links().find(to);
    if (!self) return;
    NatsAck heard;
    heard.lsn = self->lsn_of(message);
    heard.stored = ack != nullptr;
    if (error != nullptr) {
        heard.refused = error->ErrCode == JSStreamMessageExceedsMaximumErr;
        heard.failure.kind = error->ErrCode != 0 ? nats_failure_class(error->ErrCode)
                                                 : nats_failure_class(error->Err);
        heard.reason = nats_one_line(
            error->ErrText != nullptr && *error->ErrText != '\0' ? error->ErrText
                                                                 : natsStatus_GetText(error->Err)
        );
        heard.failure.message = "message not stored: " + heard.reason;
    }
    self->hear(std::move(heard));
}

void NatsLink::Shared::on_closed(natsConnection* connection, void* to) {
    const auto self = links().find(to);
    if (!self) return;
    const char* detail = nullptr;
    const natsStatus status = natsConnection_GetLastError(connection, &detail);
    SinkFailure why;
    why.kind = status == NATS_OK ? FailureClass::transient : nats_failure_class(status);
    why.message = "connection closed";
    if (detail != nullptr && *detail != '\0') why.message += ": " + nats_one_line(detail);
    why.lost_contact = true;
    self->end(std::move(why));
}

void NatsLink::Shared::on_error(
    natsConnection* connection, natsSubscription*, natsStatus status, void* to
) {
    const auto self = links().find(to);
    if (!self || status == NATS_SLOW_CONSUMER) return;
    const char* detail = nullptr;
    static_cast<void>(natsConnection_GetLastError(connection, &detail));
    SinkFailure why;
    why.kind = nats_failure_class(status);
    why.message =
        nats_one_line(detail != nullptr && *detail != '\0' ? detail : natsStatus_GetText(status));
    self->end(std::move(why));
}

// ---- the link's thread -------------------------------------------------------------------------

void NatsLink::Shared::end(SinkFailure why) {
    const std::lock_guard lock(mutex);
    if (state == State::over) return;
    state = State::over;
    failure = std::move(why);
    news.notify_all();
    work.notify_all();
}

void NatsLink::Shared::hear(NatsAck ack) {
    const std::lock_guard lock(mutex);
    acks.push_back(std::move(ack));
    news.notify_all();
}

bool NatsLink::Shared::publish_one(jsCtx& js, const NatsBatch& batch, const NatsBatch::Item& item) {
    natsMsg* message = nullptr;
    natsStatus status = natsMsg_Create(
        &message,
        batch.bytes.data() + item.subject,
        nullptr,
        batch.bytes.data() + item.value,
        static_cast<int>(item.size)
    );
    const std::string id = journal + '-' + std::to_string(item.lsn.value);
    const std::string before = journal + '-' + std::to_string(item.before.value);
    jsPubOptions options;
    jsPubOptions_Init(&options);
    options.MsgId = id.c_str();
    options.ExpectStream = config.stream.c_str();
    if (item.before.value != 0) options.ExpectLastMsgId = before.c_str();
    if (status == NATS_OK) status = js_PublishMsgAsync(&js, &message, &options);
    natsMsg_Destroy(message);
    if (status == NATS_OK) return true;
    if (status == NATS_MAX_PAYLOAD) {
        NatsAck ack;
        ack.lsn = item.lsn;
        ack.refused = true;
        ack.reason = "larger than the server takes (max_payload)";
        hear(std::move(ack));
        return true;
    }
    end(nats_failure("publish", status));
    return false;
}

void NatsLink::Shared::serve(jsCtx& js) {
    NatsBatch batch;
    for (;;) {
        {
            std::unique_lock lock(mutex);
            work.wait(lock, [this] {
                return closing || state == State::over || !inbox.items.empty();
            });
            if (closing || state == State::over) return;
            std::swap(batch, inbox);
        }
        for (const NatsBatch::Item& item : batch.items) {
            if (!publish_one(js, batch, item)) return;
        }
        batch.bytes.clear();
        batch.items.clear();
    }
}

void NatsLink::Shared::run(void* number) {
    SinkFailure why;
    const NatsOptions settings = nats_options(config, {&on_closed, &on_error, number}, why);
    if (!settings) return end(std::move(why));
    natsConnection* opened = nullptr;
    natsStatus status = natsConnection_Connect(&opened, settings.get());
    const Connection connection(opened);
    if (status != NATS_OK) return end(nats_failure("cannot connect", status));
    jsOptions wanted;
    jsOptions_Init(&wanted);
    wanted.Wait = nats_milliseconds(config.connect_timeout);
    wanted.PublishAsync.AckHandler = &on_ack;
    wanted.PublishAsync.AckHandlerClosure = number;
    jsCtx* made = nullptr;
    status = natsConnection_JetStream(&made, connection.get(), &wanted);
    const Context js(made);
    if (status != NATS_OK) return end(nats_failure("JetStream", status));
    if (auto missing = open_nats_stream(*js, config)) return end(std::move(*missing));
    {
        const std::lock_guard lock(mutex);
        if (state == State::connecting) state = State::ready;
        news.notify_all();
    }
    serve(*js);
    natsConnection_Close(connection.get());
}

std::shared_ptr<NatsLink> NatsLink::open(const NatsConfig& config, const std::string& journal) {
    auto shared = std::make_shared<Shared>(config, journal);
    void* const number = links().add(shared);
    std::thread([shared, number] {
        shared->run(number);
        // Whoever waits for the links at the end of the process takes both libraries down next, and
        // they would forget what they keep for this thread.
        nats_ReleaseThreadMemory();
        OPENSSL_thread_stop();
        links().remove(number);
        const std::lock_guard lock(shared->mutex);
        shared->gone = true;
        shared->news.notify_all();
    }).detach();
    return std::shared_ptr<NatsLink>(new NatsLink(std::move(shared)));
}

// ---- the owner's side --------------------------------------------------------------------------

NatsLink::~NatsLink() {
    close();
}

NatsLink::State NatsLink::state() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->state;
}

bool NatsLink::gone(Nanoseconds wait) const {
    std::unique_lock lock(shared_->mutex);
    return shared_->news.wait_for(lock, std::chrono::nanoseconds(wait), [this] {
        return shared_->gone;
    });
}

SinkFailure NatsLink::failure() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->failure;
}

void NatsLink::send(NatsBatch& batch) {
    const std::lock_guard lock(shared_->mutex);
    NatsBatch& inbox = shared_->inbox;
    if (inbox.items.empty()) {
        std::swap(inbox, batch);
    } else {
        const std::size_t base = inbox.bytes.size();
        inbox.bytes += batch.bytes;
        for (NatsBatch::Item item : batch.items) {
            item.subject += base;
            item.value += base;
            inbox.items.push_back(item);
        }
    }
    batch.bytes.clear();
    batch.items.clear();
    shared_->work.notify_one();
}

void NatsLink::acks(std::vector<NatsAck>& out, Nanoseconds wait) {
    std::unique_lock lock(shared_->mutex);
    const State before = shared_->state;
    shared_->news.wait_for(lock, std::chrono::nanoseconds(wait), [&] {
        return !shared_->acks.empty() || shared_->state != before || before == State::over;
    });
    out.clear();
    std::swap(out, shared_->acks);
}

void NatsLink::close() {
    const std::lock_guard lock(shared_->mutex);
    shared_->closing = true;
    shared_->work.notify_one();
}

}  // namespace penstock::sinks
