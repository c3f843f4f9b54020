#pragma once

#include "auth/authenticator.h"
#include "auth/config.h"
#include "base/metrics.h"
#include "ingest/http/config.h"
#include "ingest/shard_listeners.h"
#include "penstock/intake.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace penstock::test {

/// An intake whose mind the test makes up.
/// Threads: submit on the shard; the rest any thread.
class FakeIntake final : public Intake {
public:
    struct Taken {
        std::string stream;
        std::string client_id;
        std::string payload;
        Source source;
        std::uint8_t qos;
    };
    using Judge = std::function<Reply(std::string_view payload)>;

    Reply submit(const Message& message, const Ticket& ticket) override;
    void attach(Origin& origin) override { origin_ = &origin; }
    bool closed() const noexcept override { return closed_.load(); }

    void judge(Judge judge);
    /// Records are kept but not durable until release().
    void hold_durable(bool hold);
    void release(boost::asio::io_context& io);
    /// After so many more records the intake is busy, until make_room().
    void room_for(std::size_t records);
    void make_room(boost::asio::io_context& io);
    void close(bool closed) { closed_.store(closed); }

    [[nodiscard]] std::vector<Taken> taken() const;
    [[nodiscard]] std::size_t refusals_seen() const { return busy_answers_.load(); }

    boost::asio::io_context* io = nullptr;

private:
    mutable std::mutex mutex_;
    std::vector<Taken> taken_;
    std::vector<Ticket> waiting_;
    Judge judge_;
    bool hold_ = false;
    std::size_t room_ = SIZE_MAX;
    std::atomic<bool> closed_{false};
    std::atomic<std::size_t> busy_answers_{0};
    Origin* origin_ = nullptr;
};

struct Response {
    unsigned status = 0;
    std::string head;
    std::string body;
    [[nodiscard]] bool has_header(std::string_view line) const {
        return head.find(line) != std::string::npos;
    }
};

/// A plain blocking client.
class Client {
public:
    explicit Client(std::uint16_t port);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    Client& send(std::string_view text);
    /// The next answer; status 0 when the server closed or sent nothing for ten seconds.
    [[nodiscard]] Response receive();
    /// A whole request and its answer.
    [[nodiscard]] Response post(
        std::string_view path, std::string_view body, std::string_view headers = {}
    );
    /// True when the server ends the connection within ten seconds and sends nothing more.
    [[nodiscard]] bool closed_by_server();
    /// True when nothing comes for so long.
    [[nodiscard]] bool hears_nothing(int milliseconds);
    void shutdown_send();

private:
    bool fill(int milliseconds);
    int fd_ = -1;
    std::string buffer_;
};

[[nodiscard]] std::string request(
    std::string_view path, std::string_view body, std::string_view headers = {}
);
[[nodiscard]] std::string gzipped(std::string_view text);
[[nodiscard]] std::string zstd_packed(std::string_view text);

/// One shard with an HTTP listener on a free port.
class HttpHouse final : public Shards {
public:
    struct Options {
        ingest::http::Config http;
        auth::Config auth;
        std::vector<std::string> streams{"wearables", "my stream"};
    };
    explicit HttpHouse(Options options);
    HttpHouse() : HttpHouse(Options{}) {}
    ~HttpHouse() override;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] double metric(std::string_view name, const metrics::Labels& labels) const {
        return registry.value(name, labels);
    }
    /// Runs on the shard and waits for it.
    void on_shard(const std::function<void()>& work);
    /// Waits until a condition holds (ten seconds at most).
    [[nodiscard]] static bool eventually(const std::function<bool()>& holds);
    void drain();

    [[nodiscard]] std::uint32_t count() const noexcept override { return 1; }
    void post(ShardId shard, std::function<void()> work) override;

    metrics::Registry registry;
    FakeIntake intake;
    boost::asio::io_context io{1};

private:
    std::unique_ptr<auth::Authenticator> authenticator_;
    std::unique_ptr<ingest::Listeners> listeners_;
    std::unique_ptr<ingest::ShardListeners> shard_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
    std::thread thread_;
    std::uint16_t port_ = 0;
};

}  // namespace penstock::test
