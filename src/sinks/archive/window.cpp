#include "sinks/archive/window.h"

#include "sinks/archive/record_columns.h"
#include "sinks/archive/table_bodies.h"
#include "sinks/archive/text_bodies.h"
#include "sinks/transport/digest.h"

namespace penstock::sinks {

Window::Window(
    Lsn first, WindowSettings settings, const JournalId& journal, const FieldCatalog& declared
)
    : first_(first),
      settings_(std::move(settings)),
      journal_(journal),
      bodies_(make_bodies(declared)) {}

std::unique_ptr<ObjectBodies> Window::make_bodies(const FieldCatalog& declared) {
    const int level = settings_.level;
    if (settings_.format != ArchiveFormat::parquet)
        return std::make_unique<TextBodies>(settings_.format, level, journal_);
    return std::make_unique<TableBodies>(
        level,
        journal_,
        [this, declared](std::string_view stream) {
            const auto known = settings_.tables.find(stream);
            if (known != settings_.tables.end()) return known->second;
            std::string id(stream);
            const std::vector<DeclaredField> all =
                declared ? declared({id}) : std::vector<DeclaredField>{};
            return settings_.tables.emplace(std::move(id), column_fields(all)).first->second;
        }
    );
}

Window::Slice& Window::slice_of(const RecordView& record) {
    const std::pair<std::string_view, std::int64_t> key(
        record.stream(), event_hour(record.event_time())
    );
    const auto found = slices_.find(key);
    if (found != slices_.end()) return found->second;
    const Slice slice{bodies_->begin(key.first), 0};
    return slices_.try_emplace({std::string(key.first), key.second}, slice).first->second;
}

void Window::add(Lsn lsn, const RecordView& record) {
    Slice& slice = slice_of(record);
    bodies_->add(slice.body, lsn, record);
    ++slice.records;
}

std::vector<ArchiveObject> Window::close(Lsn last) {
    std::vector<ArchiveObject> objects;
    objects.reserve(slices_.size());
    for (auto& [key, slice] : slices_) {
        ArchiveObject object;
        object.name = object_name(
            settings_.prefix, {key.first, key.second}, journal_, first_, last, settings_.format
        );
        object.bytes = bodies_->finish(slice.body);
        object.sha256 = hex(sha256(object.bytes));
        object.records = slice.records;
        object.content_type = content_type(settings_.format);
        objects.push_back(std::move(object));
    }
    slices_.clear();
    return objects;
}

}  // namespace penstock::sinks
