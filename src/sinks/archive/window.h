#pragma once

#include "penstock/ids.h"
#include "penstock/record.h"
#include "sinks/archive/object_name.h"
#include "sinks/archive/window_plan.h"
#include "sinks/encode/zstd_writer.h"
#include "sinks/transport/digest.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks {

/// What goes to a store: a name and bytes that never change.
struct ArchiveObject {
    std::string name;
    std::string bytes;
    std::string sha256;  // lower-case hex
    std::uint64_t records = 0;
};

/// A window in the making: records are split by stream and event hour, each late one goes into its
/// own true hour, and are compressed as they come. The same records give the same objects.
///
/// Memory: the compressed bytes, at most kPending of text per partition, and kCompressors
/// compressors. When more partitions than that are busy, the one not used for longest ends its
/// frame; it goes on with another frame later (a zstd file may hold several). Threads: owner.
class Window {
public:
    static constexpr std::size_t kPending = 64 * 1024;
    static constexpr std::size_t kCompressors = 16;

    Window(Lsn first, WindowSettings settings, const JournalId& journal);

    void add(Lsn lsn, const RecordView& record);

    [[nodiscard]] Lsn first() const noexcept { return first_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::size_t partitions() const noexcept { return slices_.size(); }
    [[nodiscard]] bool empty() const noexcept { return slices_.empty(); }
    [[nodiscard]] std::uint64_t evictions() const noexcept { return evictions_; }
    [[nodiscard]] const WindowSettings& settings() const noexcept { return settings_; }

    /// The objects, by stream and hour. The window is used up.
    [[nodiscard]] std::vector<ArchiveObject> close(Lsn last);

private:
    struct Slice {
        std::string pending;  // text not compressed yet
        std::string compressed;
        std::uint64_t records = 0;
        std::optional<std::size_t> compressor;
    };
    struct Compressor {
        ZstdWriter writer;
        Slice* owner = nullptr;
        std::uint64_t used = 0;
    };
    /// Looks up without making a string.
    struct ByStreamAndHour {
        using is_transparent = void;
        template <class A, class B>
        bool operator()(const A& a, const B& b) const noexcept {
            const int order = std::string_view(a.first).compare(b.first);
            return order != 0 ? order < 0 : a.second < b.second;
        }
    };

    [[nodiscard]] Slice& slice_of(const RecordView& record);
    [[nodiscard]] Compressor& compressor_of(Slice& slice);
    void compress(Slice& slice);
    void end(Slice& slice);

    Lsn first_;
    WindowSettings settings_;
    JournalId journal_;
    ArchiveEncoder encoder_;
    std::map<std::pair<std::string, std::int64_t>, Slice, ByStreamAndHour> slices_;
    std::vector<std::unique_ptr<Compressor>> compressors_;
    std::uint64_t bytes_ = 0;
    std::uint64_t uses_ = 0;
    std::uint64_t evictions_ = 0;
};

}  // namespace penstock::sinks
