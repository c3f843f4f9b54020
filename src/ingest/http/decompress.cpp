#include "ingest/http/decompress.h"

#include "penstock/intake.h"

#include <sys/mman.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <limits>

namespace penstock::ingest::http {
namespace {

using Outcome = Decompressor::Outcome;
using Output = Decompressor::Output;

constexpr std::size_t kKeptBytes = std::size_t{1} << 20;
constexpr int kGzipOnly = 15 + 16;  // zlib: largest window, gzip header and trailer

/// A stretch of address space: memory comes page by page, as it is written to.
class Region {
public:
    explicit Region(std::size_t size) : size_(size) {
        void* const at = ::mmap(
            nullptr,
            size,
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
            -1,
            0
        );
        if (at == MAP_FAILED) std::abort();
        data_ = static_cast<std::byte*>(at);
    }
    ~Region() { ::munmap(data_, size_); }
    Region(const Region&) = delete;
    Region& operator=(const Region&) = delete;

    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    /// Gives the memory behind the first `kept` bytes back to the system.
    void trim(std::size_t kept) noexcept {
        if (kept < size_) ::madvise(data_ + kept, size_ - kept, MADV_DONTNEED);
    }

private:
    std::byte* data_;
    std::size_t size_;
};

bool same_word(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) == y;
    });
}

}  // namespace

std::optional<Coding> coding_named(std::string_view value) noexcept {
    while (value.starts_with(' ') || value.starts_with('\t'))
        value.remove_prefix(1);
    while (value.ends_with(' ') || value.ends_with('\t'))
        value.remove_suffix(1);
    if (value.empty() || same_word(value, "identity")) return Coding::identity;
    if (same_word(value, "gzip") || same_word(value, "x-gzip")) return Coding::gzip;
    if (same_word(value, "zstd")) return Coding::zstd;
    return std::nullopt;
}

struct Decompressor::State {
    explicit State(std::size_t bound) : limit(bound), region(bound + 1 + kPayloadPadding) {}
    ~State() {
        if (gzip_ready) inflateEnd(&gzip);
        ZSTD_freeDCtx(zstd);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    Output finish(Outcome outcome, std::size_t size) {
        used = std::max(used, size);
        if (outcome == Outcome::done && size > limit) outcome = Outcome::too_large;
        if (outcome != Outcome::done) return {outcome, {}};
        return {outcome, {region.data(), size}};
    }

    Output inflate_gzip(std::span<const std::byte> body);
    Output inflate_zstd(std::span<const std::byte> body);

    const std::size_t limit;
    Region region;
    std::size_t used = 0;
    z_stream gzip{};
    bool gzip_ready = false;
    ZSTD_DCtx* zstd = nullptr;
};

/// One or more gzip members (RFC 1952 section 2.2).
Output Decompressor::State::inflate_gzip(std::span<const std::byte> body) {
    if (!gzip_ready && inflateInit2(&gzip, kGzipOnly) != Z_OK) return finish(Outcome::malformed, 0);
    gzip_ready = true;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast,cppcoreguidelines-pro-type-const-cast):
    // zlib's interface.
    gzip.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(body.data()));
    gzip.avail_in =
        static_cast<uInt>(std::min<std::size_t>(body.size(), std::numeric_limits<uInt>::max()));
    std::size_t size = 0;
    do {
        inflateReset(&gzip);
        // One byte beyond the limit shows that there is more.
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): zlib's interface.
        gzip.next_out = reinterpret_cast<Bytef*>(region.data() + size);
        const auto room = static_cast<uInt>(
            std::min<std::size_t>(limit + 1 - size, std::numeric_limits<uInt>::max())
        );
        gzip.avail_out = room;
        const int result = ::inflate(&gzip, Z_FINISH);
        size += room - gzip.avail_out;
        if (size > limit) return finish(Outcome::too_large, size);
        if (result != Z_STREAM_END) return finish(Outcome::malformed, size);
    } while (gzip.avail_in != 0);
    return finish(Outcome::done, size);
}

Output Decompressor::State::inflate_zstd(std::span<const std::byte> body) {
    if (zstd == nullptr) zstd = ZSTD_createDCtx();
    if (zstd == nullptr || body.empty()) return finish(Outcome::malformed, 0);
    const unsigned long long stated = ZSTD_getFrameContentSize(body.data(), body.size());
    if (stated == ZSTD_CONTENTSIZE_ERROR) return finish(Outcome::malformed, 0);
    if (stated != ZSTD_CONTENTSIZE_UNKNOWN && stated > limit) return finish(Outcome::too_large, 0);
    const std::size_t size =
        ZSTD_decompressDCtx(zstd, region.data(), limit + 1, body.data(), body.size());
    if (ZSTD_isError(size) == 0) return finish(Outcome::done, size);
    const bool full = ZSTD_getErrorCode(size) == ZSTD_error_dstSize_tooSmall;
    return finish(full ? Outcome::too_large : Outcome::malformed, limit);
}

Decompressor::Decompressor(std::size_t limit) : state_(std::make_unique<State>(limit)) {}

Decompressor::~Decompressor() = default;

Output Decompressor::decompress(Coding coding, std::span<const std::byte> body) {
    release();
    return coding == Coding::gzip ? state_->inflate_gzip(body) : state_->inflate_zstd(body);
}

void Decompressor::release() noexcept {
    if (state_->used > kKeptBytes) state_->region.trim(kKeptBytes);
    state_->used = 0;
}

}  // namespace penstock::ingest::http
