#include "sinks/archive/archive_reader.h"

#include "sinks/archive/archived_record.h"
#include "sinks/archive/object_name.h"
#include "sinks/encode/zstd_writer.h"
#include "sinks/range_reader.h"
#include "sinks/transport/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace penstock::sinks {

namespace {

constexpr std::size_t kTextMax = std::size_t{4} << 30;

/// Records that were read back.
class RestoredChunk final : public Chunk {
public:
    explicit RestoredChunk(Lsn first) : first_(first) {}
    void add(std::span<const std::byte> record) {
        bytes_.insert(bytes_.end(), record.begin(), record.end());
        ++count_;
    }
    [[nodiscard]] Lsn first() const noexcept override { return first_; }
    [[nodiscard]] std::uint32_t count() const noexcept override { return count_; }
    [[nodiscard]] std::span<const std::byte> records() const noexcept override { return bytes_; }

private:
    Lsn first_;
    std::uint32_t count_ = 0;
    std::vector<std::byte> bytes_;
};

/// Whatever prefix it was given.
std::optional<ObjectName> parsed_name(std::string_view name) {
    const std::size_t at = name.rfind("stream=");
    return at == std::string_view::npos ? std::nullopt
                                        : parse_object_name(name, name.substr(0, at));
}

bool in_scope(const ObjectName& object, const RestoreScope& scope) {
    constexpr Nanoseconds kHour = 3600 * kSecond;
    if (!scope.stream.empty() && object.stream != escaped_stream(scope.stream)) return false;
    return object.hour >= event_hour(scope.from) && object.hour * kHour < scope.until;
}

}  // namespace

Result<std::map<std::string, std::vector<ManifestEntry>>> objects_in_scope(
    const std::vector<FoundManifest>& manifests, const RestoreScope& scope
) {
    std::map<std::string, std::map<std::pair<Lsn, std::string>, ManifestEntry>> found;
    for (const FoundManifest& manifest : manifests) {
        for (const ManifestEntry& entry : manifest.manifest.objects) {
            const auto name = parsed_name(entry.name);
            if (!name)
                return Error{Errc::malformed, entry.name + " is no name of an archive's object"};
            if (!in_scope(*name, scope)) continue;
            if (name->format == ArchiveFormat::parquet)
                return Error{
                    Errc::unsupported,
                    entry.name +
                        " is Parquet: only ndjson and raw can be restored; pyarrow and "
                        "DuckDB read such files"
                };
            found[manifest.manifest.journal.text()].emplace(
                std::pair(entry.range.first, entry.name), entry
            );
        }
    }
    std::map<std::string, std::vector<ManifestEntry>> objects;
    for (auto& [journal, entries] : found) {
        for (auto& [place, entry] : entries)
            objects[journal].push_back(std::move(entry));
    }
    return objects;
}

ArchiveReader::ArchiveReader(
    std::unique_ptr<ObjectReader> store,
    std::vector<ManifestEntry> objects,
    const RestoreScope& scope
)
    : store_(std::move(store)),
      objects_(std::move(objects)),
      scope_(scope),
      position_(objects_.front().range.first) {
    for (const ManifestEntry& object : objects_)
        last_ = std::max(last_, object.range.last);
}

void ArchiveReader::seek(Lsn lsn) {
    position_ = lsn;
    next_ = 0;
    ready_.clear();
}

Status ArchiveReader::open(const ManifestEntry& object) {
    PS_TRY(const std::string bytes, store_->read(object.name, object.bytes));
    if (bytes.size() != object.bytes || hex(sha256(bytes)) != object.sha256)
        return Error{Errc::corrupt, object.name + " is not what its manifest says"};
    const std::string text = zstd_decompressed(bytes, kTextMax);
    const auto format = parsed_name(object.name)->format;
    Status read = read_archived(format, text, [this](Lsn lsn, std::span<const std::byte> record) {
        if (lsn < position_) return;
        const auto view = RecordView::parse(record);
        if (!view || view->event_time() < scope_.from || view->event_time() >= scope_.until) return;
        ready_.try_emplace(lsn, record.begin(), record.end());
    });
    if (read.ok()) return read;
    return Error{Errc::corrupt, object.name + ": " + read.error().message};
}

ChunkPtr ArchiveReader::take_chunk() {
    auto chunk = std::make_shared<RestoredChunk>(position_);
    while (!ready_.empty() && ready_.begin()->first == position_ && chunk->count() < kChunkRecords
    ) {
        chunk->add(ready_.begin()->second);
        ready_.erase(ready_.begin());
        position_ = position_.next();
    }
    return chunk;
}

Result<ReadResult> ArchiveReader::read(Nanoseconds wait, const std::stop_token& stop) {
    if (position_ > last_) {
        rest(wait, stop);
        return ReadResult{};
    }
    // What is not open yet begins behind what is ready, or may come before it.
    while (next_ < objects_.size() &&
           (ready_.empty() || objects_[next_].range.first <= ready_.begin()->first)) {
        if (objects_[next_].range.last >= position_) PS_CHECK(open(objects_[next_]));
        ++next_;
    }
    const Lsn ready = ready_.empty() ? last_.next() : ready_.begin()->first;
    ReadResult result;
    if (ready > position_) {
        result.gap = {position_, Lsn{ready.value - 1}, Gap::Cause::skipped};
        position_ = ready;
        return result;
    }
    result.chunk = take_chunk();
    return result;
}

}  // namespace penstock::sinks
