#include "sinks/transport/digest.h"

#include "base/text.h"

#include <openssl/evp.h>

#include <cstdlib>

namespace penstock::sinks {

namespace {

/// Fetched once: a fetch per digest costs more than a small digest itself.
const EVP_MD* sha256_method() {
    static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return method;
}

/// A library without SHA-256, or out of memory for 100 bytes: nothing can be signed, and no value
/// says so.
void must(bool done) noexcept {
    if (!done) std::abort();
}

}  // namespace

struct Sha256::Context {
    Context() : md(EVP_MD_CTX_new()) { must(md != nullptr); }
    ~Context() { EVP_MD_CTX_free(md); }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    EVP_MD_CTX* md;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
    must(EVP_DigestInit_ex2(context_->md, sha256_method(), nullptr) == 1);
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::add(std::string_view bytes) {
    must(EVP_DigestUpdate(context_->md, bytes.data(), bytes.size()) == 1);
}

Sha256Digest Sha256::finish() {
    Sha256Digest digest{};
    must(EVP_DigestFinal_ex(context_->md, digest.data(), nullptr) == 1);
    must(EVP_DigestInit_ex2(context_->md, sha256_method(), nullptr) == 1);
    return digest;
}

Sha256Digest sha256(std::string_view bytes) {
    Sha256 digest;
    digest.add(bytes);
    return digest.finish();
}

Sha256Digest hmac_sha256(std::string_view key, std::string_view bytes) {
    constexpr std::size_t kBlock = 64;
    std::array<char, kBlock> block{};
    if (key.size() > kBlock) {
        const Sha256Digest short_key = sha256(key);
        bytes_of(short_key).copy(block.data(), short_key.size());
    } else {
        key.copy(block.data(), key.size());
    }
    const auto pad = [&block](unsigned char with) {
        std::array<char, kBlock> padded{};
        for (std::size_t i = 0; i < kBlock; ++i) {
            padded[i] = static_cast<char>(static_cast<unsigned char>(block[i]) ^ with);
        }
        return padded;
    };
    const auto inner = pad(0x36);
    const auto outer = pad(0x5c);
    Sha256 digest;
    digest.add({inner.data(), inner.size()});
    digest.add(bytes);
    const Sha256Digest first = digest.finish();
    digest.add({outer.data(), outer.size()});
    digest.add(bytes_of(first));
    return digest.finish();
}

std::string hex(const Sha256Digest& digest) {
    std::string out;
    text::append_hex(out, bytes_of(digest));
    return out;
}

}  // namespace penstock::sinks
