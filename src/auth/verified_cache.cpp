#include "auth/verified_cache.h"

#include "config/secret.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace penstock::auth {
namespace {

void append_sized(std::string& text, std::string_view part) {
    const std::uint64_t size = part.size();
    for (unsigned shift = 0; shift < 64; shift += 8)
        text += static_cast<char>((size >> shift) & 0xffU);
    text += part;
}

}  // namespace

VerifiedCache::VerifiedCache(const Clock& clock, std::size_t limit, Nanoseconds keep)
    : clock_(clock), limit_(limit), keep_(keep) {
    if (RAND_bytes(secret_.data(), static_cast<int>(secret_.size())) != 1) std::abort();
}

VerifiedCache::~VerifiedCache() {
    wipe(secret_.data(), secret_.size());
}

Digest VerifiedCache::key(std::string_view user, std::string_view password, std::string_view phc)
    const {
    std::string text;
    text.reserve(24 + user.size() + password.size() + phc.size());
    for (const auto part : {user, password, phc})
        append_sized(text, part);
    Digest digest{};
    unsigned size = 0;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): text read as bytes.
    const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
    const auto secret_size = static_cast<int>(secret_.size());
    const bool made =
        HMAC(EVP_sha256(), secret_.data(), secret_size, bytes, text.size(), digest.data(), &size) !=
        nullptr;
    wipe(text);
    if (!made) std::abort();
    return digest;
}

bool VerifiedCache::knows(const Digest& key) {
    const Nanoseconds now = clock_.monotonic();
    const std::lock_guard lock(mutex_);
    if (const auto found = young_.find(key); found != young_.end()) return found->second > now;
    const auto found = old_.find(key);
    if (found == old_.end() || found->second <= now) return false;
    const Nanoseconds expires = found->second;
    put(key, expires);
    return true;
}

void VerifiedCache::remember(const Digest& key) {
    const std::lock_guard lock(mutex_);
    put(key, clock_.monotonic() + keep_);
}

void VerifiedCache::put(const Digest& key, Nanoseconds expires) {
    young_.insert_or_assign(key, expires);
    if (young_.size() <= limit_ / 2) return;
    old_ = std::move(young_);
    young_.clear();
}

std::size_t VerifiedCache::size() const {
    const std::lock_guard lock(mutex_);
    return young_.size() + old_.size();
}

}  // namespace penstock::auth
