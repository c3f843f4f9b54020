#pragma once

#include "penstock/log_reader.h"

#include <memory>

namespace penstock::sinks {

/// A reader of the journal that ends: for it, `last` is the newest record.
/// Threads: as the reader it is made of.
class RangeReader final : public LogReader {
public:
    RangeReader(std::unique_ptr<LogReader> reader, Lsn last);

    void seek(Lsn lsn) override { reader_->seek(lsn); }
    [[nodiscard]] Lsn position() const override { return reader_->position(); }
    [[nodiscard]] Result<ReadResult> read(Nanoseconds wait, const std::stop_token& stop) override;
    [[nodiscard]] Lsn durable() const override;

private:
    std::unique_ptr<LogReader> reader_;
    const Lsn last_;
};

/// Waits, unless it is stopped: what a reader at its end does.
void rest(Nanoseconds wait, const std::stop_token& stop);

}  // namespace penstock::sinks
