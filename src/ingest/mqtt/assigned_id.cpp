#include "ingest/mqtt/assigned_id.h"

#include <openssl/rand.h>

#include <array>
#include <cstddef>
#include <string_view>

namespace penstock::mqtt {
namespace {

std::string random_id() {
    constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";  // without i, l, o, u
    std::array<unsigned char, 26> bytes{};
    // A generator that fails leaves zeros; the id is then not unguessable, which nothing relies on.
    (void)RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
    std::string id = "penstock-";
    for (const unsigned char byte : bytes)
        id += kDigits[byte % kDigits.size()];
    return id;
}

}  // namespace

std::string assigned_client_id(ShardId shard, std::uint32_t shards) {
    constexpr int kTries = 64;
    std::string id = random_id();
    for (int i = 1; i < kTries && home_shard(device_hash(id), shards) != shard; ++i)
        id = random_id();
    return id;
}

}  // namespace penstock::mqtt
