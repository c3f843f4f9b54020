#pragma once

#include "penstock/clock.h"
#include "penstock/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::metrics {
class Registry;
}

namespace penstock::auth {

struct Config;

/// What a client brings. All views live for the call only.
struct Credentials {
    std::string_view user{};  // MQTT user name or HTTP Basic; what follows a `?` in it is ignored
    std::string_view password{};     // or a bearer token, when user is that token's name or empty
    std::string_view token{};        // HTTP Bearer
    std::string_view certificate{};  // identity out of a *verified* client certificate
    std::string_view client_id{};    // for the log
    std::string_view listener{};     // configured name of the listener, for the log
    bool loopback = false;           // the listener is bound to loopback only
};

/// How a client proved itself. Names are metric labels.
enum class Means : std::uint8_t { none, password, token, certificate };
[[nodiscard]] std::string_view name(Means means) noexcept;

enum class Decision : std::uint8_t {
    allowed,
    denied,
    busy,  // too many passwords are being checked at the moment: the client may try again later
};
[[nodiscard]] std::string_view name(Decision decision) noexcept;

/// The answer. Anything that goes wrong on the way is `denied`.
struct Verdict {
    Decision decision = Decision::denied;
    Means means = Means::none;
    std::string identity;  // user, token name or certificate identity; empty: anonymous

    [[nodiscard]] bool allowed() const noexcept { return decision == Decision::allowed; }
};

/// Decides who a client is.
///
/// Order: a verified certificate counts as it is, unless a password or token is sent too, which
/// must then be right as well; then the bearer token, then user and password. Nothing to prove
/// oneself with: allowed only where the settings allow anonymous clients (auth::Config).
///
/// Passwords cost about 50 ms and 46 MiB each (argon2id), so they are checked on a pool of their
/// own, at most as many at a time as there are cores; verified ones are remembered for five minutes
/// under a key that lives as long as the process. Unknown users cost as much as known ones. Tokens
/// are looked up by their SHA-256.
///
/// Bounds: 256 passwords wait for the pool, later ones get `busy`; 131,072 remembered credentials
/// (about 16 MiB), the oldest half goes when they are full; user, password and token 4 KiB each
/// (longer: denied). Threads: any thread.
class Authenticator {
public:
    using Callback = std::function<void(Verdict)>;

    struct Options {
        unsigned threads = 0;  // 0: as many as there are cores, at most 4
        std::size_t queue = 256;
        std::size_t remembered = 131'072;
        Nanoseconds remember_for = 300 * kSecond;
    };

    /// Reads the files. Unreadable, empty or malformed ones are an error that names file and line
    /// (fail closed).
    [[nodiscard]] static Result<std::unique_ptr<Authenticator>> open(
        const Config& config, const Clock& clock, metrics::Registry& metrics, const Options& options
    );
    [[nodiscard]] static Result<std::unique_ptr<Authenticator>> open(
        const Config& config, const Clock& clock, metrics::Registry& metrics
    );

    virtual ~Authenticator() = default;

    /// Returns the verdict when it is known at once (`later` is then dropped uncalled). Otherwise
    /// returns nothing and calls `later` exactly once, on a thread of the pool: hand the verdict
    /// over to the shard from there (Shards::post), with slot and generation of the connection,
    /// which may be gone by then. Calls that still wait when the authenticator is destroyed get
    /// `denied`.
    [[nodiscard]] virtual std::optional<Verdict> authenticate(
        const Credentials& credentials, Callback later
    ) = 0;

    /// Reads the files of `config` anew (SIGHUP). On error the old state stays as it is.
    [[nodiscard]] virtual Status reload(const Config& config) = 0;

    /// Waits for the checks that run; those that wait get `denied`, and so does everybody from now
    /// on whose password is not remembered. Callbacks post to shards: call this when the shards'
    /// loops have stopped, before what the callbacks refer to is destroyed.
    virtual void stop() noexcept {}

    /// Changes with each successful reload: a connection that remembers a verdict asks again when
    /// this moved.
    [[nodiscard]] virtual std::uint64_t generation() const noexcept = 0;

    /// May a client without any credentials use a listener of this kind? For start-up checks and
    /// log lines.
    [[nodiscard]] virtual bool takes_anonymous(bool loopback) const noexcept = 0;
};

}  // namespace penstock::auth
