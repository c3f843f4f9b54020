#include "auth/authenticator.h"

#include "auth/config.h"
#include "auth/password.h"
#include "auth/token.h"
#include "auth/verified_cache.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/worker_pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace penstock::auth {
namespace {

constexpr unsigned kThreadsMax = 4;
constexpr int kNice = 5;  // a storm of log-ins does not slow the devices that are in
constexpr std::size_t kLoggedBytesMax = 256;
constexpr std::size_t kMeans = 4;
constexpr std::size_t kDecisions = 3;

/// Costs an unknown user what a known one costs. No password verifies against it.
constexpr std::string_view kNobody =
    "$argon2id$v=19$m=47104,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What the settings and their files say.
struct State {
    PasswordTable users;
    TokenTable tokens;
    bool anonymous = false;

    [[nodiscard]] bool has_credentials() const noexcept {
        return !users.empty() || !tokens.empty();
    }
};

Result<std::shared_ptr<const State>> read_state(const Config& config) {
    auto state = std::make_shared<State>();
    state->anonymous = config.anonymous;
    if (!config.passwords.empty()) {
        PS_TRY(state->users, read_password_file(config.passwords));
    }
    if (!config.tokens.empty()) PS_CHECK(state->tokens.add_file(config.tokens));
    for (const auto& [name, token] : config.bearer)
        PS_CHECK(state->tokens.add(name, token.reveal()));
    return std::shared_ptr<const State>(std::move(state));
}

/// A password on its way through the pool; its text is wiped when the job is over.
struct Check {
    std::string user;
    std::string password;
    std::string phc;
    std::string client_id;
    std::string listener;
    Digest key{};
    bool known = false;
    Authenticator::Callback later;

    Check() = default;
    Check(const Check&) = delete;
    Check& operator=(const Check&) = delete;
    ~Check() { wipe(password); }
};

class FileAuthenticator final : public Authenticator {
public:
    FileAuthenticator(
        std::shared_ptr<const State> state,
        const Clock& clock,
        metrics::Registry& registry,
        const Options& options
    )
        : state_(std::move(state)),
          cache_(clock, options.remembered, options.remember_for),
          pool_(thread_count(options.threads), options.queue, kNice) {
        export_metrics(registry);
    }

    std::optional<Verdict> authenticate(const Credentials& credentials, Callback later) override {
        auto verdict = decide(credentials, std::move(later));
        if (verdict) count(*verdict);
        if (verdict && verdict->decision == Decision::denied)
            report(credentials.listener, credentials.user, credentials.client_id);
        return verdict;
    }

    Status reload(const Config& config) override {
        PS_TRY(auto fresh, read_state(config));
        {
            const std::lock_guard lock(mutex_);
            state_ = std::move(fresh);
        }
        generation_.fetch_add(1, std::memory_order_release);
        return {};
    }

    void stop() noexcept override { pool_.stop(); }

    std::uint64_t generation() const noexcept override {
        return generation_.load(std::memory_order_acquire);
    }

    bool takes_anonymous(bool loopback) const noexcept override {
        return takes_anonymous(*state(), loopback);
    }

private:
    static unsigned thread_count(unsigned wanted) noexcept {
        if (wanted != 0) return wanted;
        return std::clamp(std::thread::hardware_concurrency(), 1U, kThreadsMax);
    }

    static bool takes_anonymous(const State& state, bool loopback) noexcept {
        return state.anonymous || (loopback && !state.has_credentials());
    }

    static Verdict denied(Means means) { return {Decision::denied, means, {}}; }
    static Verdict allowed(Means means, std::string_view identity) {
        return {Decision::allowed, means, std::string(identity)};
    }

    std::shared_ptr<const State> state() const {
        const std::lock_guard lock(mutex_);
        return state_;
    }

    std::optional<Verdict> decide(const Credentials& c, Callback&& later) {
        const auto state = this->state();
        const std::string_view user = c.user.substr(0, c.user.find('?'));
        if (user.size() > kPasswordBytesMax || c.password.size() > kPasswordBytesMax)
            return denied(Means::password);
        if (!state->has_credentials()) return decide_without(*state, c);
        if (!c.token.empty()) return decide_token(*state, c.token);
        if (!c.password.empty()) return decide_password(*state, user, c, std::move(later));
        if (!c.certificate.empty()) return allowed(Means::certificate, c.certificate);
        if (!user.empty()) return denied(Means::password);
        return takes_anonymous(*state, c.loopback) ? allowed(Means::none, {}) : denied(Means::none);
    }

    /// Nothing is configured that a password or token could be checked against.
    static Verdict decide_without(const State& state, const Credentials& c) {
        if (!c.certificate.empty()) return allowed(Means::certificate, c.certificate);
        return takes_anonymous(state, c.loopback) ? allowed(Means::none, {}) : denied(Means::none);
    }

    static Verdict decide_token(const State& state, std::string_view token) {
        const auto name = state.tokens.find(token);
        return name ? allowed(Means::token, *name) : denied(Means::token);
    }

    std::optional<Verdict> decide_password(
        const State& state, std::string_view user, const Credentials& c, Callback&& later
    ) {
        const auto name = state.tokens.find(c.password);
        if (name && (user.empty() || user == *name)) return allowed(Means::token, *name);
        if (state.users.empty()) return denied(Means::password);
        const auto found = state.users.find(std::string(user));
        auto check = std::make_shared<Check>();
        check->user = user;
        check->password = c.password;
        check->client_id = c.client_id.substr(0, kLoggedBytesMax);
        check->listener = c.listener;
        check->known = found != state.users.end();
        check->phc = check->known ? found->second : std::string(kNobody);
        check->key = cache_.key(check->user, check->password, check->phc);
        if (check->known && cache_.knows(check->key)) return allowed(Means::password, user);
        check->later = std::move(later);
        if (pool_.push({[this, check] { run(*check); }, [this, check] { drop(*check); }}))
            return std::nullopt;
        return Verdict{Decision::busy, Means::password, {}};
    }

    void run(Check& check) {
        const bool remembered = check.known && cache_.knows(check.key);
        const bool right =
            (remembered || verify_password(check.password, check.phc)) && check.known;
        if (right && !remembered) cache_.remember(check.key);
        answer(check, right ? allowed(Means::password, check.user) : denied(Means::password));
    }

    void drop(Check& check) { answer(check, denied(Means::password)); }

    void answer(Check& check, Verdict verdict) {
        count(verdict);
        if (!verdict.allowed()) report(check.listener, check.user, check.client_id);
        check.later(std::move(verdict));
    }

    static void report(
        std::string_view listener, std::string_view user, std::string_view client_id
    ) {
        log::warn(
            "client denied", {{"listener", listener}, {"user", user}, {"client_id", client_id}}
        );
    }

    std::atomic<std::uint64_t>& cell(Means means, Decision decision) {
        return attempts_[static_cast<std::size_t>(means)][static_cast<std::size_t>(decision)];
    }

    void count(const Verdict& verdict) {
        cell(verdict.means, verdict.decision).fetch_add(1, std::memory_order_relaxed);
    }

    void export_metrics(metrics::Registry& registry) {
        for (const auto means : {Means::none, Means::password, Means::token, Means::certificate}) {
            for (const auto decision : {Decision::allowed, Decision::denied, Decision::busy}) {
                if (decision == Decision::busy && means != Means::password) continue;
                const auto& attempts = cell(means, decision);
                registrations_.push_back(registry.counter_fn(
                    "penstock_auth_attempts_total",
                    "Clients that asked to be let in, by what they brought and the answer.",
                    {{"means", std::string(name(means))}, {"result", std::string(name(decision))}},
                    [&attempts] {
                        return static_cast<double>(attempts.load(std::memory_order_relaxed));
                    }
                ));
            }
        }
        registrations_.push_back(registry.gauge_fn(
            "penstock_auth_waiting_checks",
            "Passwords that wait to be checked.",
            {},
            [this] { return static_cast<double>(pool_.waiting()); }
        ));
        registrations_.push_back(registry.gauge_fn(
            "penstock_auth_remembered_credentials",
            "Verified passwords that are remembered for the next connection.",
            {},
            [this] { return static_cast<double>(cache_.size()); }
        ));
    }

    mutable std::mutex mutex_;
    std::shared_ptr<const State> state_;        // guarded by mutex_
    std::atomic<std::uint64_t> generation_{1};  // released by reload(), acquired by connections
    // Relaxed: a scrape wants a recent value, no order.
    std::array<std::array<std::atomic<std::uint64_t>, kDecisions>, kMeans> attempts_{};
    VerifiedCache cache_;
    WorkerPool pool_;  // its jobs use everything above
    std::vector<metrics::Registration> registrations_;
};

}  // namespace

std::string_view name(Means means) noexcept {
    switch (means) {
        case Means::none:
            return "none";
        case Means::password:
            return "password";
        case Means::token:
            return "token";
        case Means::certificate:
            return "certificate";
    }
    return "unknown";
}

std::string_view name(Decision decision) noexcept {
    switch (decision) {
        case Decision::allowed:
            return "allowed";
        case Decision::denied:
            return "denied";
        case Decision::busy:
            return "busy";
    }
    return "unknown";
}

Result<std::unique_ptr<Authenticator>> Authenticator::open(
    const Config& config, const Clock& clock, metrics::Registry& metrics, const Options& options
) {
    PS_TRY(auto state, read_state(config));
    return std::unique_ptr<Authenticator>(
        std::make_unique<FileAuthenticator>(std::move(state), clock, metrics, options)
    );
}

Result<std::unique_ptr<Authenticator>> Authenticator::open(
    const Config& config, const Clock& clock, metrics::Registry& metrics
) {
    return open(config, clock, metrics, Options{});
}

}  // namespace penstock::auth
