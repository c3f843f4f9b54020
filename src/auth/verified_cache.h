#pragma once

#include "auth/token.h"
#include "penstock/clock.h"

#include <cstddef>
#include <mutex>
#include <string_view>
#include <unordered_map>

namespace penstock::auth {

/// Remembers which passwords were right, so that a fleet that comes back does not pay for its
/// hashes again. A password is kept only as an HMAC-SHA256 (RFC 2104) of user, password and stored
/// hash, under a random key that dies with the process; a changed password file therefore forgets
/// by itself. Bound: `limit` credentials; at the bound those not asked for since the older half was
/// filled are forgotten. Threads: any thread.
class VerifiedCache {
public:
    VerifiedCache(const Clock& clock, std::size_t limit, Nanoseconds keep);
    ~VerifiedCache();
    VerifiedCache(const VerifiedCache&) = delete;
    VerifiedCache& operator=(const VerifiedCache&) = delete;

    [[nodiscard]] Digest key(std::string_view user, std::string_view password, std::string_view phc)
        const;
    /// Was this key remembered less than `keep` ago?
    [[nodiscard]] bool knows(const Digest& key);
    void remember(const Digest& key);
    [[nodiscard]] std::size_t size() const;

private:
    using Generation = std::unordered_map<Digest, Nanoseconds, DigestHash>;  // -> when it expires

    void put(const Digest& key, Nanoseconds expires);

    const Clock& clock_;
    const std::size_t limit_;
    const Nanoseconds keep_;
    Digest secret_{};
    mutable std::mutex mutex_;
    Generation young_;  // guarded by mutex_
    Generation old_;    // guarded by mutex_
};

}  // namespace penstock::auth
