#include "sinks/encode/archive_format.h"

namespace penstock::sinks {

std::string_view name(ArchiveFormat format) noexcept {
    return format == ArchiveFormat::raw ? "raw" : "ndjson";
}

std::optional<ArchiveFormat> archive_format(std::string_view name) noexcept {
    if (name == "ndjson") return ArchiveFormat::ndjson;
    if (name == "raw") return ArchiveFormat::raw;
    return std::nullopt;
}

void ArchiveEncoder::append(Lsn lsn, const RecordView& record, std::string& out) const {
    if (format_ == ArchiveFormat::ndjson) {
        json_.append(lsn, record, out);
        out += '\n';
        return;
    }
    json_.append_metadata(lsn, record, out);
    out.pop_back();  // its closing bracket
    out += ",\"bytes\":";
    out += std::to_string(record.payload().size());
    out += "}\n";
    out += record.payload();
    out += '\n';
}

}  // namespace penstock::sinks
