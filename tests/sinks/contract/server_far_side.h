#pragma once

#include "sinks/contract/contract.h"
#include "support/server.h"

#include <string>

namespace penstock::sinks::contract {

/// A far side at a real server, which can be stopped and killed and does nothing else on demand.
class ServerFarSide : public FarSide {
public:
    [[nodiscard]] std::string lacks(Fault fault) const override {
        const bool can =
            fault == Fault::none || fault == Fault::unreachable || fault == Fault::crash;
        return can ? "" : "this server does not fail on demand; the fake one shows it";
    }
    [[nodiscard]] Nanoseconds patience() const override { return 60 * kSecond; }
    void set(Fault fault) override {
        if (fault == Fault::crash) {
            REQUIRE(server_.kill().ok());
            REQUIRE(server_.restart().ok());
            return;
        }
        const Status done = fault == Fault::unreachable ? server_.stop()
                            : stopped_                  ? server_.restart()
                                                        : Status();
        stopped_ = fault == Fault::unreachable;
        if (!done.ok()) FAIL(done.error().message);
    }

protected:
    explicit ServerFarSide(test::Server& server) : server_(server) {}
    [[nodiscard]] test::Server& server() noexcept { return server_; }

private:
    test::Server& server_;
    bool stopped_ = false;
};

}  // namespace penstock::sinks::contract
