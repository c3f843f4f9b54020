#include "app/service_manager.h"

#include "support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <map>

using namespace penstock;
using app::ServiceManager;

namespace {

/// The manager's end. `name` is what NOTIFY_SOCKET says: '@' stands for a leading zero byte.
class Manager {
public:
    explicit Manager(std::string name) : name_(std::move(name)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name_.data(), name_.size());
        if (name_.front() == '@') address.sun_path[0] = '\0';
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
        REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    }
    ~Manager() { ::close(socket_); }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    /// The next datagram; empty: none is there.
    std::string next() const {
        std::string text(4096, '\0');
        const auto n = ::recv(socket_, text.data(), text.size(), MSG_DONTWAIT);
        text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return text;
    }
    const std::string& name() const { return name_; }

private:
    std::string name_;
    int socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

ServiceManager::Environment environment(std::map<std::string, std::string> variables) {
    return [known = std::move(variables)](const std::string& name) {
        const auto at = known.find(name);
        return at == known.end() ? std::nullopt : std::optional(at->second);
    };
}

}  // namespace

TEST_CASE("service manager: is told each state in its own words", "[app][service]") {
    const test::TempDir dir;
    const bool abstract = GENERATE(false, true);
    const Manager manager(
        abstract ? "@penstock-test-" + std::to_string(::getpid()) : (dir.path() / "s").string()
    );
    const ServiceManager service(environment({{"NOTIFY_SOCKET", manager.name()}}));
    service.status("recovering");
    CHECK(manager.next() == "STATUS=recovering");
    service.ready("running");
    CHECK(manager.next() == "READY=1\nSTATUS=running");
    service.reloading(1'234'567'890);
    CHECK(manager.next() == "RELOADING=1\nMONOTONIC_USEC=1234567\nSTATUS=reloading");
    service.alive();
    CHECK(manager.next() == "WATCHDOG=1");
    service.stopping("draining");
    CHECK(manager.next() == "STOPPING=1\nSTATUS=draining");
    CHECK(manager.next().empty());
    CHECK_FALSE(service.alive_every());
}

TEST_CASE("service manager: a watchdog is fed four times in its time", "[app][service]") {
    const auto every = [](std::map<std::string, std::string> variables) {
        variables["NOTIFY_SOCKET"] = "/run/nobody";
        return ServiceManager(environment(std::move(variables))).alive_every();
    };
    const auto self = std::to_string(::getpid());
    CHECK(every({{"WATCHDOG_USEC", "30000000"}}) == 7'500 * kMillisecond);
    CHECK(every({{"WATCHDOG_USEC", "4000"}, {"WATCHDOG_PID", self}}) == kMillisecond);
    CHECK_FALSE(every({{"WATCHDOG_USEC", "4000"}, {"WATCHDOG_PID", "1"}}));
    CHECK_FALSE(every({{"WATCHDOG_USEC", "0"}}));
    CHECK_FALSE(every({{"WATCHDOG_USEC", "soon"}}));
    CHECK_FALSE(every({{"WATCHDOG_USEC", "18446744073709551615"}}));
}

TEST_CASE("service manager: without one, or without an answer, nothing happens", "[app][service]") {
    const ServiceManager alone(environment({{"WATCHDOG_USEC", "4000"}}));
    alone.ready("running");
    CHECK_FALSE(alone.alive_every());
    const ServiceManager wrong(environment({{"NOTIFY_SOCKET", "relative"}}));
    wrong.ready("running");
    const ServiceManager longer(environment({{"NOTIFY_SOCKET", "/" + std::string(200, 'x')}}));
    longer.ready("running");
    const ServiceManager gone(environment({{"NOTIFY_SOCKET", "/nobody/is/here"}}));
    gone.ready("running");
}
