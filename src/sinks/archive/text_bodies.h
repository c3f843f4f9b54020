#pragma once

#include "sinks/archive/object_bodies.h"
#include "sinks/encode/archive_format.h"
#include "sinks/encode/zstd_writer.h"

#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace penstock::sinks {

/// `ndjson` and `raw`: text that is compressed as it comes.
///
/// Memory: the compressed bytes, at most kPending of text a body, and kCompressors compressors.
/// When more bodies than that are busy, the one not used for longest ends its frame; it goes on
/// with another frame later (a zstd file may hold several). Threads: owner.
class TextBodies final : public ObjectBodies {
public:
    static constexpr std::size_t kPending = 64 * 1024;
    static constexpr std::size_t kCompressors = 16;

    TextBodies(ArchiveFormat format, int level, const JournalId& journal)
        : encoder_(format, journal), level_(level) {}

    [[nodiscard]] std::size_t begin(std::string_view stream) override;
    void add(std::size_t body, Lsn lsn, const RecordView& record) override;
    [[nodiscard]] std::string finish(std::size_t body) override;
    [[nodiscard]] std::uint64_t bytes() const noexcept override { return bytes_; }
    [[nodiscard]] std::uint64_t evictions() const noexcept override { return evictions_; }

private:
    struct Body {
        std::string pending;  // text not compressed yet
        std::string compressed;
        std::optional<std::size_t> compressor;
    };
    struct Compressor {
        ZstdWriter writer;
        Body* owner = nullptr;
        std::uint64_t used = 0;
    };

    [[nodiscard]] Compressor& compressor_of(Body& body);
    void compress(Body& body);
    void end(Body& body);

    ArchiveEncoder encoder_;
    int level_;
    std::deque<Body> bodies_;
    std::vector<std::unique_ptr<Compressor>> compressors_;
    std::uint64_t bytes_ = 0;
    std::uint64_t uses_ = 0;
    std::uint64_t evictions_ = 0;
};

}  // namespace penstock::sinks
