#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace penstock::sinks {

/// Compresses bytes that come in pieces into zstd frames (RFC 8878) with a checksum each. The same
/// calls give the same bytes with the same version of the library (library_version()). Memory:
/// about 1.6 MiB while a frame is open, whatever the level; a window of 512 KiB, so that readers
/// need little too. Threads: owner.
class ZstdWriter {
public:
    static constexpr int kLevelMin = 1;
    static constexpr int kLevelMax = 9;

    explicit ZstdWriter(int level);
    ~ZstdWriter();
    ZstdWriter(ZstdWriter&&) noexcept;
    ZstdWriter& operator=(ZstdWriter&&) noexcept;

    /// Takes bytes in; what is ready is appended to `out`.
    void add(std::string_view bytes, std::string& out);
    /// Ends the frame. The next add() begins another.
    void end(std::string& out);
    /// One frame of these bytes that tells its size, whatever add() has begun: that is dropped.
    void whole(std::string_view bytes, std::string& out);

    /// As ZSTD_versionNumber() says it: 10504 for 1.5.4.
    [[nodiscard]] static unsigned library_version() noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// All frames of `bytes` decompressed; empty when they are damaged or longer than `bytes_max`. For
/// tests and tools.
[[nodiscard]] std::string zstd_decompressed(std::string_view bytes, std::size_t bytes_max);

}  // namespace penstock::sinks
