#include "node.h"

#include <atomic>
#include <thread>

using namespace penstock;

namespace {

/// Shards on threads of their own; whatever is taken is durable one turn later.
class ThreadedNode final : public Shards {
public:
    explicit ThreadedNode(std::uint32_t count) : count_(count) {
        ingest::MqttListenerConfig settings;
        settings.listen = {"127.0.0.1", 0};
        const auto server = std::make_shared<mqtt::Server>(authenticator_, count);
        std::vector<ingest::ListenerSpec> specs;
        specs.push_back(server->listener("mqtt", settings));
        auto opened = ingest::Listeners::open(std::move(specs), count, system_clock(), registry);
        REQUIRE(opened.ok());
        listeners = std::move(opened).value();
        for (std::uint32_t i = 0; i < count; ++i) {
            loops_.push_back(std::make_unique<boost::asio::io_context>(1));
            intakes_.push_back(std::make_unique<FakeIntake>());
            shards_.push_back(std::make_unique<ingest::ShardListeners>(
                *loops_[i], ShardId{i}, *listeners, *intakes_[i], *this
            ));
        }
        for (std::uint32_t i = 0; i < count; ++i)
            threads_.emplace_back([this, i] { run(i); });
    }
    ~ThreadedNode() override {
        for (std::uint32_t i = 0; i < count_; ++i) {
            post({i}, [this, i] { shards_[i]->drain(kSecond, [this] { ++drained_; }); });
        }
        for (std::thread& thread : threads_)
            thread.join();
        shards_.clear();
        loops_.clear();
    }
    ThreadedNode(const ThreadedNode&) = delete;
    ThreadedNode& operator=(const ThreadedNode&) = delete;

    [[nodiscard]] std::uint32_t count() const noexcept override { return count_; }
    void post(ShardId shard, std::function<void()> work) override {
        boost::asio::post(*loops_[shard.value], std::move(work));
    }

    metrics::Registry registry;
    std::unique_ptr<ingest::Listeners> listeners;

private:
    /// Everybody comes in; nothing is remembered, so several threads may ask.
    class Open final : public auth::Authenticator {
        std::optional<auth::Verdict> authenticate(const auth::Credentials&, Callback) override {
            return auth::Verdict{auth::Decision::allowed, {}, {}};
        }
        Status reload(const auth::Config&) override { return {}; }
        [[nodiscard]] std::uint64_t generation() const noexcept override { return 0; }
        [[nodiscard]] bool takes_anonymous(bool) const noexcept override { return true; }
    };

    void run(std::uint32_t i) {
        intakes_[i]->keep = false;
        shards_[i]->start();
        while (drained_.load() < count_) {
            loops_[i]->run_for(std::chrono::milliseconds(1));
            intakes_[i]->durable_all();
        }
    }

    std::uint32_t count_;
    Open authenticator_;
    std::vector<std::unique_ptr<boost::asio::io_context>> loops_;
    std::vector<std::unique_ptr<FakeIntake>> intakes_;
    std::vector<std::unique_ptr<ingest::ShardListeners>> shards_;
    std::vector<std::thread> threads_;
    std::atomic<std::uint32_t> drained_{0};
};

int dial(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{10, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? fd
                                                                                           : -1;
}

/// Sends a burst and counts the PUBACKs until they are all there or the server closes.
std::size_t converse(int fd, const std::string& bytes, std::size_t packets) {
    if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return 0;
    std::string heard;
    char buffer[4096];
    while (wire::read(heard).size() < packets) {
        const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0) break;
        heard.append(buffer, static_cast<std::size_t>(n));
    }
    return wire::read(heard).size();
}

}  // namespace

TEST_CASE(
    "FORBIDDEN: a device that changes shards loses a message or an acknowledgement",
    "[mqtt][threads]"
) {
    ThreadedNode node(3);
    const std::uint16_t port = node.listeners->at(0).address().port;
    std::atomic<int> wrong{0};
    std::vector<std::thread> fleets;
    for (int fleet = 0; fleet < 3; ++fleet) {
        fleets.emplace_back([&, fleet] {
            for (int i = 0; i < 60; ++i) {
                std::string bytes =
                    wire::connect_as("f" + std::to_string(fleet) + "-" + std::to_string(i));
                for (unsigned id = 1; id <= 20; ++id)
                    bytes += wire::publish("t", "{}", 1, id);
                const int fd = dial(port);
                if (fd < 0 || converse(fd, bytes, 21) != 21) ++wrong;
                ::close(fd);
            }
        });
    }
    for (std::thread& fleet : fleets)
        fleet.join();
    CHECK(wrong == 0);
}

TEST_CASE("FORBIDDEN: two connections keep one client id", "[mqtt][threads][M14]") {
    ThreadedNode node(3);
    const std::uint16_t port = node.listeners->at(0).address().port;
    std::vector<std::thread> fleets;
    for (int fleet = 0; fleet < 4; ++fleet) {
        fleets.emplace_back([&] {
            for (int i = 0; i < 40; ++i) {
                const int fd = dial(port);
                (void)converse(fd, wire::connect_as("same") + wire::publish("t", "{}", 1, 1), 2);
                ::close(fd);
            }
        });
    }
    for (std::thread& fleet : fleets)
        fleet.join();
    const int last = dial(port);
    CHECK(converse(last, wire::connect_as("same") + wire::publish("t", "{}", 1, 1), 2) == 2);
    CHECK(converse(last, wire::pingreq(), 1) == 1);
    ::close(last);
}
