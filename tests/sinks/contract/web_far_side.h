#pragma once

#include "sinks/contract/contract.h"
#include "support/fake_http_server.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks::contract {

/// A far side over HTTP that keeps what it is sent, and has all faults.
class WebFarSide : public FarSide {
public:
    [[nodiscard]] std::vector<Arrival> arrived() override {
        const std::lock_guard lock(mutex_);
        return arrived_;
    }
    [[nodiscard]] std::string lacks(Fault) const override { return {}; }
    [[nodiscard]] Nanoseconds patience() const override { return 60 * kSecond; }
    void set(Fault fault) override {
        if (fault == Fault::unreachable) return server_.go_away();
        if (fault == Fault::crash) server_.go_away();
        server_.come_back();
        fault_ = fault;
    }

protected:
    /// The records of a request's body, in order.
    using Read = std::function<std::vector<Arrival>(const std::string& body)>;
    /// The answer to a body with a record that is refused for good; nothing: it is taken.
    using Refuse = std::function<std::optional<test::FakeHttpReply>(const std::string& body)>;

    /// Both are called on the server's threads, one at a time.
    explicit WebFarSide(
        Read read, Refuse refuse = [](const std::string&) { return std::nullopt; }
    )
        : read_(std::move(read)), refuse_(std::move(refuse)) {}
    [[nodiscard]] std::string endpoint() const { return server_.endpoint(); }

private:
    using Manner = test::FakeHttpReply::Manner;

    test::FakeHttpReply answer(const test::FakeHttpRequest& request) {
        const std::lock_guard lock(mutex_);
        switch (fault_.load()) {
            case Fault::throttled:
                return {429, {"Retry-After: 1"}, "slow down"};
            case Fault::denied:
                return {401, {}, "unauthorized"};
            case Fault::hang:
                return {200, {}, "", Manner::hang};
            case Fault::half_accepted:
                keep(request.body, 2);
                return {500, {}, "half of it"};
            case Fault::reset_after_write:
                keep(request.body);
                return {200, {}, "", Manner::reset};
            case Fault::none:
            case Fault::unreachable:
            case Fault::crash:
                break;
        }
        if (auto refused = refuse_(request.body)) return *std::move(refused);
        keep(request.body);
        return {};
    }
    /// The first part of the body's records, one in `parts`.
    void keep(const std::string& body, std::size_t parts = 1) {
        std::vector<Arrival> all = read_(body);
        all.resize(all.size() / parts);
        arrived_.insert(arrived_.end(), all.begin(), all.end());
        fault_ = Fault::none;
    }

    const Read read_;
    const Refuse refuse_;
    std::mutex mutex_;
    std::vector<Arrival> arrived_;
    std::atomic<Fault> fault_{Fault::none};
    test::FakeHttpServer server_{[this](const test::FakeHttpRequest& request) {
        return answer(request);
    }};
};

}  // namespace penstock::sinks::contract
