#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace penstock::ingest::http {

/// Content codings (RFC 9110 section 8.4.1) that a body may have; one at a time.
enum class Coding : std::uint8_t { identity, gzip, zstd };

/// What a Content-Encoding says; nothing for several codings and those that are not offered.
[[nodiscard]] std::optional<Coding> coding_named(std::string_view value) noexcept;

/// Decompresses whole bodies, one layer, into a buffer that all connections of a shard share.
/// Bound: `limit` bytes of output, and nothing else that grows with the input: a zstd frame's
/// window is the output itself, inflate and zstd keep less than 256 KiB of state. The buffer's
/// memory is given back after a body that used more than 1 MiB of it. Threads: owning shard.
class Decompressor {
public:
    enum class Outcome : std::uint8_t {
        done,
        malformed,  // not of that coding, cut short, or with a wrong checksum
        too_large,  // more than `limit` bytes would come out
    };
    struct Output {
        Outcome outcome = Outcome::done;
        std::span<const std::byte>
            bytes;  // kPayloadPadding readable bytes follow; valid until the next call
    };

    explicit Decompressor(std::size_t limit);
    ~Decompressor();
    Decompressor(const Decompressor&) = delete;
    Decompressor& operator=(const Decompressor&) = delete;

    /// Precondition: a coding other than identity.
    [[nodiscard]] Output decompress(Coding coding, std::span<const std::byte> body);
    /// The output is not needed any more.
    void release() noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace penstock::ingest::http
