#include "sinks/order_cursor.h"

#include "base/log.h"
#include "journal/cursor_format.h"
#include "journal/rewrite.h"

#include <span>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

Result<journal::CursorImage> read_image(Disk& disk, const std::filesystem::path& path) {
    PS_TRY(const auto file, disk.open(path, OpenMode::read));
    std::vector<std::byte> bytes(journal::kCursorFileMax);
    PS_TRY(const auto got, file->read(bytes, 0));
    return journal::decode_cursor(std::span(bytes).first(got));
}

}  // namespace

OrderCursor::OrderCursor(Parts parts) : parts_(std::move(parts)), balance_{parts_.start, {}} {}

Result<std::optional<Lsn>> OrderCursor::load() {
    const auto image = read_image(parts_.disk, parts_.path);
    if (!image && image.error().code != Errc::not_found) {
        log::warn(
            "the cursor of a replay cannot be read: it begins anew",
            {{"file", parts_.path.string()}, {"reason", image.error().message}}
        );
    }
    const bool ours = image && image->journal == parts_.journal && image->lsn >= parts_.start;
    if (!ours) return std::optional(parts_.start);
    generation_ = image->generation;
    balance_ = balance_at(image->lsn, image->state);
    parts_.reached->store(image->lsn.value);
    return std::optional(image->lsn);
}

Status OrderCursor::save(SafePoint safe, const Balance& balance) {
    journal::CursorImage image{
        parts_.journal,
        parts_.sink,
        ++generation_,
        safe.lsn(),
        parts_.clock.wall(),
        encode_balance(balance)
    };
    PS_CHECK(journal::write_file_durably(parts_.disk, parts_.path, encode_cursor(image)));
    parts_.reached->store(safe.lsn().value);
    return {};
}

}  // namespace penstock::sinks
