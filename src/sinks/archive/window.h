#pragma once

#include "penstock/ids.h"
#include "penstock/record.h"
#include "sinks/archive/object_bodies.h"
#include "sinks/archive/object_name.h"
#include "sinks/archive/window_plan.h"
#include "sinks/declared_fields.h"

#include <cstdint>
#include <map>
#include <memory>
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
    std::string_view content_type = {};  // of a constant
};

/// A window in the making: records are split by stream and event hour, each late one goes into its
/// own true hour, and are encoded as they come. The same records give the same objects.
/// Memory: that of TextBodies or TableBodies. Threads: owner.
class Window {
public:
    /// `declared` tells the fields of a stream that `settings.tables` does not name; it may be
    /// empty.
    Window(
        Lsn first,
        WindowSettings settings,
        const JournalId& journal,
        const FieldCatalog& declared = {}
    );
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;

    void add(Lsn lsn, const RecordView& record);

    [[nodiscard]] Lsn first() const noexcept { return first_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bodies_->bytes(); }
    [[nodiscard]] std::size_t partitions() const noexcept { return slices_.size(); }
    [[nodiscard]] bool empty() const noexcept { return slices_.empty(); }
    [[nodiscard]] std::uint64_t evictions() const noexcept { return bodies_->evictions(); }
    /// With the tables of all streams that have come.
    [[nodiscard]] const WindowSettings& settings() const noexcept { return settings_; }

    /// The objects, by stream and hour. The window is used up.
    [[nodiscard]] std::vector<ArchiveObject> close(Lsn last);

private:
    struct Slice {
        std::size_t body = 0;
        std::uint64_t records = 0;
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

    [[nodiscard]] std::unique_ptr<ObjectBodies> make_bodies(const FieldCatalog& declared);
    [[nodiscard]] Slice& slice_of(const RecordView& record);

    Lsn first_;
    WindowSettings settings_;
    JournalId journal_;
    std::unique_ptr<ObjectBodies> bodies_;
    std::map<std::pair<std::string, std::int64_t>, Slice, ByStreamAndHour> slices_;
};

}  // namespace penstock::sinks
