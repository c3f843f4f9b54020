#include "auth/authenticator.h"

#include "auth/config.h"
#include "auth/password.h"
#include "auth/verified_cache.h"
#include "base/metrics.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <vector>

namespace penstock::auth {
namespace {

/// A clock turned by hand.
class HandClock final : public Clock {
public:
    [[nodiscard]] Nanoseconds wall() const noexcept override { return now; }
    [[nodiscard]] Nanoseconds monotonic() const noexcept override { return now; }
    Nanoseconds now = kSecond;
};

/// Collects verdicts that come later.
class Inbox {
public:
    Authenticator::Callback callback() {
        return [this](Verdict verdict) {
            const std::lock_guard lock(mutex_);
            verdicts_.push_back(std::move(verdict));
            wake_.notify_all();
        };
    }
    std::vector<Verdict> wait(std::size_t count) {
        std::unique_lock lock(mutex_);
        const auto there = [&] { return verdicts_.size() >= count; };
        REQUIRE(wake_.wait_for(lock, std::chrono::seconds(60), there));
        return verdicts_;
    }

private:
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Verdict> verdicts_;
};

struct House {
    test::TempDir dir;
    HandClock clock;
    metrics::Registry registry;
    Config config;
    Inbox inbox;
    std::unique_ptr<Authenticator> authenticator;

    House& with_user(const char* user, const char* password) {
        config.passwords = dir / "passwords";
        REQUIRE(set_password(config.passwords, user, password).ok());
        return *this;
    }
    House& with_token(const char* name, const char* token) {
        config.bearer[name] = Secret(std::string(token));
        return *this;
    }
    House& open(Authenticator::Options options = {}) {
        auto made = Authenticator::open(config, clock, registry, options);
        REQUIRE(made.ok());
        authenticator = std::move(made).value();
        return *this;
    }
    /// The verdict, whether it comes at once or later.
    Verdict ask(const Credentials& credentials) {
        Inbox own;
        if (auto now = authenticator->authenticate(credentials, own.callback())) return *now;
        return own.wait(1).front();
    }
    [[nodiscard]] bool allows(const Credentials& credentials) { return ask(credentials).allowed(); }
    [[nodiscard]] bool knows_at_once(const Credentials& credentials) {
        Inbox own;
        const bool at_once = authenticator->authenticate(credentials, own.callback()).has_value();
        if (!at_once) own.wait(1);
        return at_once;
    }
};

Credentials login(std::string_view user, std::string_view password) {
    return {.user = user, .password = password};
}

constexpr const char* kToken = "0123456789abcdef-token";

}  // namespace

TEST_CASE("authenticator: the right password lets in, everything else does not", "[auth]") {
    House house;
    house.with_user("w1", "secret").open();
    const auto verdict = house.ask(login("w1", "secret"));
    CHECK(verdict.allowed());
    CHECK(verdict.identity == "w1");
    CHECK(verdict.means == Means::password);
    CHECK_FALSE(house.allows(login("w1", "Secret")));
    CHECK_FALSE(house.allows(login("w2", "secret")));
    CHECK_FALSE(house.allows(login("", "secret")));
    CHECK_FALSE(house.allows(login("w1", "")));
    CHECK_FALSE(house.allows({.loopback = true}));
    CHECK_FALSE(house.allows({.token = "secret"}));
    CHECK_FALSE(house.allows(login("w1", std::string(5000, 'x'))));
}

TEST_CASE("authenticator: a verified password is remembered for its time only", "[auth]") {
    House house;
    house.with_user("w1", "secret").open();
    CHECK_FALSE(house.knows_at_once(login("w1", "secret")));
    CHECK(house.knows_at_once(login("w1", "secret")));
    CHECK_FALSE(house.knows_at_once(login("w1", "wrong")));
    CHECK_FALSE(house.knows_at_once(login("w1", "wrong")));
    house.clock.now += 301 * kSecond;
    CHECK_FALSE(house.knows_at_once(login("w1", "secret")));
}

TEST_CASE("authenticator: unknown users cost a hash as known ones do", "[auth]") {
    House house;
    house.with_user("w1", "secret").open();
    CHECK_FALSE(house.knows_at_once(login("nobody", "secret")));
    CHECK_FALSE(house.knows_at_once(login("nobody", "secret")));
}

TEST_CASE("authenticator: AWS devices append a query to the user name", "[auth]") {
    House house;
    house.with_user("w1", "secret").open();
    CHECK(house.ask(login("w1?SDK=Python&Version=1", "secret")).identity == "w1");
    CHECK(house.allows({.user = "?SDK=Python", .certificate = "thing-7"}));
}

TEST_CASE("authenticator: tokens let in as bearer and as password", "[auth]") {
    House house;
    house.with_token("ops", kToken).with_user("w1", "secret").open();
    CHECK(house.ask({.token = kToken}).identity == "ops");
    CHECK(house.ask(login("ops", kToken)).means == Means::token);
    CHECK(house.allows(login("", kToken)));
    CHECK_FALSE(house.allows(login("w1", kToken)));
    CHECK_FALSE(house.allows({.token = "0123456789abcdef-tokeN"}));
}

TEST_CASE("authenticator: a certificate counts, but a password beside it must be right", "[auth]") {
    House house;
    house.with_user("w1", "secret").open();
    const auto verdict = house.ask({.certificate = "thing-7"});
    CHECK(verdict.identity == "thing-7");
    CHECK(verdict.means == Means::certificate);
    CHECK_FALSE(house.allows({.user = "w1", .password = "wrong", .certificate = "thing-7"}));
    CHECK_FALSE(house.allows({.token = "0123456789abcdef", .certificate = "thing-7"}));
}

TEST_CASE(
    "authenticator: without credentials configured only loopback lets anybody in", "[auth][A02]"
) {
    House house;
    house.open();
    CHECK(house.allows({.loopback = true}));
    CHECK(house.ask({.user = "x", .password = "y", .loopback = true}).identity.empty());
    CHECK_FALSE(house.allows({.loopback = false}));
    CHECK(house.allows({.certificate = "thing-7"}));
    CHECK(house.authenticator->takes_anonymous(true));
    CHECK_FALSE(house.authenticator->takes_anonymous(false));
}

TEST_CASE(
    "authenticator: anonymous clients beyond loopback only when the settings say so", "[auth]"
) {
    House house;
    house.with_user("w1", "secret");
    house.config.anonymous = true;
    house.open();
    CHECK(house.allows({.loopback = false}));
    CHECK_FALSE(house.allows(login("w1", "wrong")));
}

TEST_CASE("authenticator: a bad file stops the start", "[auth][A02]") {
    House house;
    house.config.passwords = house.dir / "absent";
    CHECK_FALSE(Authenticator::open(house.config, house.clock, house.registry).ok());
    std::ofstream(house.dir / "empty") << "";
    house.config.passwords = house.dir / "empty";
    CHECK_FALSE(Authenticator::open(house.config, house.clock, house.registry).ok());
    house.config.passwords.clear();
    house.config.tokens = house.dir / "empty";
    CHECK_FALSE(Authenticator::open(house.config, house.clock, house.registry).ok());
}

TEST_CASE("authenticator: a bad file at reload keeps the old state", "[auth][A02][A03]") {
    House house;
    house.with_user("w1", "secret").open();
    const auto before = house.authenticator->generation();
    std::ofstream(house.config.passwords, std::ios::trunc) << "w1:broken\n";
    CHECK_FALSE(house.authenticator->reload(house.config).ok());
    CHECK(house.authenticator->generation() == before);
    CHECK(house.allows(login("w1", "secret")));
}

TEST_CASE("authenticator: a reload takes changed and removed users at once", "[auth][A05]") {
    House house;
    house.with_user("w1", "secret").with_user("w2", "other").open();
    REQUIRE(house.allows(login("w1", "secret")));
    REQUIRE(house.allows(login("w2", "other")));
    REQUIRE(set_password(house.config.passwords, "w1", "changed").ok());
    REQUIRE(remove_user(house.config.passwords, "w2").ok());
    REQUIRE(house.authenticator->reload(house.config).ok());
    CHECK_FALSE(house.allows(login("w1", "secret")));
    CHECK_FALSE(house.allows(login("w2", "other")));
    CHECK(house.allows(login("w1", "changed")));
}

TEST_CASE(
    "authenticator: a full queue says busy, and who waits is denied at the end", "[auth][A07]"
) {
    House house;
    house.with_user("w1", "secret").open({.threads = 1, .queue = 2});
    std::size_t later = 0;
    bool busy = false;
    for (int i = 0; i < 100 && !busy; ++i) {
        const auto verdict =
            house.authenticator->authenticate(login("w1", "wrong"), house.inbox.callback());
        if (!verdict) ++later;
        busy = verdict && verdict->decision == Decision::busy;
    }
    CHECK(busy);
    house.authenticator.reset();
    const auto verdicts = house.inbox.wait(later);
    CHECK(verdicts.size() == later);
    for (const auto& verdict : verdicts)
        CHECK(verdict.decision == Decision::denied);
}

TEST_CASE("authenticator: attempts are counted by means and result", "[auth]") {
    House house;
    house.with_token("ops", kToken).open();
    CHECK(house.allows({.token = kToken}));
    CHECK_FALSE(house.allows({.token = "0123456789abcdef-wrong"}));
    const auto count = [&](const char* result) {
        return house.registry.value(
            "penstock_auth_attempts_total", {{"means", "token"}, {"result", result}}
        );
    };
    CHECK(count("allowed") == 1);
    CHECK(count("denied") == 1);
}

TEST_CASE("verified cache: holds no more than its bound", "[auth]") {
    HandClock clock;
    VerifiedCache cache(clock, 100, 300 * kSecond);
    for (int i = 0; i < 10'000; ++i) {
        cache.remember(cache.key("user" + std::to_string(i), "p", "h"));
        CHECK(cache.size() <= 101);
    }
    CHECK(cache.knows(cache.key("user9999", "p", "h")));
    CHECK_FALSE(cache.knows(cache.key("user1", "p", "h")));
}

TEST_CASE("verified cache: parts of a credential cannot be shifted into each other", "[auth]") {
    HandClock clock;
    VerifiedCache cache(clock, 100, 300 * kSecond);
    CHECK(cache.key("ab", "c", "h") != cache.key("a", "bc", "h"));
    VerifiedCache other(clock, 100, 300 * kSecond);
    CHECK(cache.key("ab", "c", "h") != other.key("ab", "c", "h"));
}

}  // namespace penstock::auth
