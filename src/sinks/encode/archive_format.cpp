#include "sinks/encode/archive_format.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace penstock::sinks {

namespace {

struct Form {
    ArchiveFormat format;
    std::string_view name;
    std::string_view ending;
    std::string_view content_type;
};
constexpr std::array<Form, 3> kForms{
    Form{ArchiveFormat::ndjson, "ndjson", ".ndjson.zst", "application/zstd"},
    Form{ArchiveFormat::raw, "raw", ".raw.zst", "application/zstd"},
    Form{ArchiveFormat::parquet, "parquet", ".parquet", "application/vnd.apache.parquet"},
};

const Form& form_of(ArchiveFormat format) noexcept {
    return kForms[static_cast<std::size_t>(format)];
}

}  // namespace

std::string_view name(ArchiveFormat format) noexcept {
    return form_of(format).name;
}

std::string_view ending(ArchiveFormat format) noexcept {
    return form_of(format).ending;
}

std::string_view content_type(ArchiveFormat format) noexcept {
    return form_of(format).content_type;
}

std::optional<ArchiveFormat> archive_format(std::string_view name) noexcept {
    const auto* const form = std::find_if(kForms.begin(), kForms.end(), [name](const Form& f) {
        return f.name == name;
    });
    if (form == kForms.end()) return std::nullopt;
    return form->format;
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
