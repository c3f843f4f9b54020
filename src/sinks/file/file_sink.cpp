#include "sinks/file/file_sink.h"

#include "base/posix_disk.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{1} << 20U;
constexpr Nanoseconds kOpenAnewAfter = kSecond;  // it may have been renamed by then

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

class FileSink final : public Sink {
public:
    FileSink(const FileConfig& config, const SinkContext& context, Disk& disk)
        : path_(config.path),
          encoder_(config.output, context.journal),
          clock_(*context.clock),
          disk_(disk) {}

    [[nodiscard]] bool put(Lsn lsn, const RecordView& record) override;
    void skip(Lsn lsn) override { last_ = lsn; }
    void flush() override {}  // poll() writes whatever there is
    [[nodiscard]] SinkProgress poll(Nanoseconds wait) override;
    void reset(Lsn safe) override;
    [[nodiscard]] Status probe(Nanoseconds bound) override;

private:
    [[nodiscard]] Status write();
    [[nodiscard]] Status open();
    [[nodiscard]] Result<std::uint64_t> end_of_lines(std::uint64_t size);

    const std::filesystem::path path_;
    const OutputEncoder encoder_;
    const Clock& clock_;
    Disk& disk_;

    DiskFilePtr file_;
    std::uint64_t size_ = 0;  // of the file, as far as it was synced
    Nanoseconds opened_at_ = 0;
    std::string lines_;  // not written yet
    std::uint64_t records_ = 0;
    std::vector<RefusedRecord> refused_;
    Lsn last_;  // of what was put or skipped
    Lsn safe_;
};

bool FileSink::put(Lsn lsn, const RecordView& record) {
    if (lines_.size() >= kBatchBytes) return false;
    const std::size_t begin = lines_.size();
    encoder_.append(lsn, record, lines_);
    last_ = lsn;
    if (lines_.find('\n', begin) != std::string::npos) {
        lines_.resize(begin);
        refused_.push_back({lsn, "the payload has line breaks, a line of a file has none"});
        return true;
    }
    lines_ += '\n';
    ++records_;
    return true;
}

SinkProgress FileSink::poll(Nanoseconds) {
    SinkProgress progress;
    progress.safe = safe_;
    progress.quiet_for = kSecond;
    progress.sent_records = std::exchange(records_, 0);
    progress.sent_bytes = lines_.size();
    if (const Status done = write(); !done.ok()) {
        const bool settings = done.error().code != Errc::io && done.error().code != Errc::full;
        progress.failure = SinkFailure{
            settings ? FailureClass::configuration : FailureClass::transient,
            done.error().message,
            std::nullopt
        };
        file_.reset();
        return progress;
    }
    progress.safe = safe_ = std::max(safe_, last_);
    progress.refused = std::exchange(refused_, {});
    return progress;
}

/// Writes and syncs what there is.
Status FileSink::write() {
    if (lines_.empty()) return {};
    if (!file_ || clock_.monotonic() - opened_at_ >= kOpenAnewAfter) PS_CHECK(open());
    PS_CHECK(file_->write(bytes_of(lines_), size_));
    PS_CHECK(file_->sync());
    size_ += lines_.size();
    lines_.clear();
    return {};
}

Status FileSink::open() {
    auto opened = disk_.open(path_, OpenMode::write);
    const bool missing = !opened.ok() && opened.error().code == Errc::not_found;
    if (missing) opened = disk_.open(path_, OpenMode::create);
    PS_TRY(file_, std::move(opened));
    if (missing) PS_CHECK(disk_.sync_directory(path_.parent_path()));
    PS_TRY(const std::uint64_t size, file_->size());
    PS_TRY(size_, end_of_lines(size));
    if (size_ < size) PS_CHECK(file_->resize(size_));
    opened_at_ = clock_.monotonic();
    return {};
}

/// Where the last whole line ends.
Result<std::uint64_t> FileSink::end_of_lines(std::uint64_t size) {
    std::array<char, 4096> block{};
    while (size > 0) {
        const std::uint64_t begin = (size - 1) / block.size() * block.size();
        const std::span<char> part(block.data(), size - begin);
        PS_TRY(const std::size_t got, file_->read(std::as_writable_bytes(part), begin));
        const std::string_view text(part.data(), got);
        const std::size_t feed = text.rfind('\n');
        if (feed != std::string_view::npos) return begin + feed + 1;
        size = begin;
    }
    return std::uint64_t{0};
}

void FileSink::reset(Lsn safe) {
    file_.reset();  // a file that failed to sync is never believed again: what is not safe is
                    // written anew
    lines_.clear();
    refused_.clear();
    records_ = 0;
    last_ = safe_ = safe;
}

Status FileSink::probe(Nanoseconds) {
    const auto opened = disk_.open(path_, OpenMode::write);
    if (opened.ok()) return {};
    if (opened.error().code != Errc::not_found) return opened.error();
    PS_TRY(const auto names, disk_.list(path_.parent_path()));
    static_cast<void>(names);
    return {};
}

}  // namespace

Result<std::unique_ptr<Sink>> make_file_sink(
    const FileConfig& config, const SinkContext& context, Disk& disk
) {
    return std::unique_ptr<Sink>(std::make_unique<FileSink>(config, context, disk));
}

SinkKind file_kind() {
    SinkKind kind = sink_kind<FileConfig>(
        "file",
        "One line a record, appended to a file.",
        [](const FileConfig& config, const SinkContext& context) {
            return make_file_sink(config, context, posix_disk());
        }
    );
    kind.alone = [](const SinkConfig&) { return "two writers would tear each other's lines"; };
    return kind;
}

}  // namespace penstock::sinks

namespace penstock::config {

using sinks::FileConfig;

Table<FileConfig> Fields<FileConfig>::table() {
    return {
        field(
            "path",
            &FileConfig::path,
            "The file, made when it is missing (mode 0600). Its folder must exist.",
            required,
            not_empty
        ),
        keys_of(&FileConfig::output),
    };
}

}  // namespace penstock::config
