#include "penstock/ids.h"

#define XXH_INLINE_ALL  // NOLINT(readability-identifier-naming): the library's switch
#include <xxhash.h>

namespace penstock {

std::string JournalId::text() const {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const auto byte : bytes) {
        out += kDigits[byte >> 4U];
        out += kDigits[byte & 15U];
    }
    return out;
}

std::uint64_t device_hash(std::string_view id) noexcept {
    return XXH64(id.data(), id.size(), 0);
}

}  // namespace penstock
