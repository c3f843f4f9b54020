#pragma once

#include "sinks/archive/object_bodies.h"
#include "sinks/archive/record_table.h"
#include "sinks/encode/zstd_writer.h"

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// `parquet`: a table for each body, whose rows wait in memory until a row group is full.
///
/// Memory: the bytes written, one row group a body, kWaitingBytes of rows together. Beyond that the
/// body not used for longest writes its row group early. Threads: owner.
class TableBodies final : public ObjectBodies {
public:
    static constexpr std::size_t kWaitingBytes = std::size_t{32} << 20;

    /// The fields that tables of a stream have columns for; called once a body.
    using Fields = std::function<std::vector<DeclaredField>(std::string_view stream)>;

    TableBodies(int level, const JournalId& journal, Fields fields)
        : journal_(journal), fields_(std::move(fields)), zstd_(level) {}

    [[nodiscard]] std::size_t begin(std::string_view stream) override;
    void add(std::size_t body, Lsn lsn, const RecordView& record) override;
    [[nodiscard]] std::string finish(std::size_t body) override;
    [[nodiscard]] std::uint64_t bytes() const noexcept override { return written_ + waiting_; }
    [[nodiscard]] std::uint64_t evictions() const noexcept override { return evictions_; }

private:
    struct Body {
        std::unique_ptr<RecordTable> table;
        std::list<Body*>::iterator place;
    };

    /// Counts what this does to the body's file.
    template <class Change>
    void change(Body& body, Change what);
    void touch(Body& body);

    JournalId journal_;
    Fields fields_;
    ZstdWriter zstd_;
    std::deque<Body> bodies_;
    std::list<Body*> used_;  // the one not used for longest first
    std::uint64_t written_ = 0;
    std::uint64_t waiting_ = 0;
    std::uint64_t evictions_ = 0;
};

}  // namespace penstock::sinks
