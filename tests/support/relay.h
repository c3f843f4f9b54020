#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace penstock::test {

/// A TCP relay between a client under test and a real server on 127.0.0.1, which fails on demand as
/// the network does: no server has to be told to.
/// Threads: owner; it moves bytes on a thread of its own.
class Relay {
public:
    enum class Mode : std::uint8_t {
        pass,
        refuse,        // connections end at once, those that stand too
        swallow,       // takes everything and answers nothing
        lose_answers,  // hands on what the client sends next, then resets instead of answering
                       // (once, then passes)
    };

    explicit Relay(std::uint16_t server_port);
    ~Relay();
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    void set(Mode mode) { mode_ = mode; }

private:
    struct Pair;
    void run(const std::stop_token& stop);
    void accept_one();
    void step(Pair& pair);

    const std::uint16_t server_port_;
    std::uint16_t port_ = 0;
    int listener_ = -1;
    std::atomic<Mode> mode_{Mode::pass};
    std::vector<std::unique_ptr<Pair>> pairs_;
    std::jthread thread_;
};

}  // namespace penstock::test
