#include "sinks/archive/table_bodies.h"

#include <utility>

namespace penstock::sinks {

template <class Change>
void TableBodies::change(Body& body, Change what) {
    parquet::FileWriter& file = body.table->file();
    waiting_ -= file.waiting_bytes();
    written_ -= file.written_bytes();
    what();
    waiting_ += file.waiting_bytes();
    written_ += file.written_bytes();
}

void TableBodies::touch(Body& body) {
    used_.splice(used_.end(), used_, body.place);
}

std::size_t TableBodies::begin(std::string_view stream) {
    Body& body = bodies_.emplace_back();
    body.table = std::make_unique<RecordTable>(journal_, fields_(stream));
    body.place = used_.insert(used_.end(), &body);
    written_ += body.table->file().written_bytes();
    return bodies_.size() - 1;
}

void TableBodies::add(std::size_t body, Lsn lsn, const RecordView& record) {
    Body& to = bodies_[body];
    change(to, [&] { to.table->append(lsn, record, zstd_); });
    touch(to);
    while (waiting_ > kWaitingBytes) {
        Body& oldest = *used_.front();
        if (oldest.table->file().waiting_bytes() > 0) {
            change(oldest, [&] { oldest.table->file().end_row_group(zstd_); });
            ++evictions_;
        }
        touch(oldest);
    }
}

std::string TableBodies::finish(std::size_t body) {
    Body& whole = bodies_[body];
    std::string bytes;
    waiting_ -= whole.table->file().waiting_bytes();
    written_ -= whole.table->file().written_bytes();
    bytes = whole.table->file().finish(zstd_);
    used_.erase(whole.place);
    whole.table.reset();
    return bytes;
}

}  // namespace penstock::sinks
