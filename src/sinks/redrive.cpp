#include "sinks/redrive.h"

#include "sinks/range_reader.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace penstock::sinks {
namespace {

using journal::QuarantineListed;
using journal::QuarantineQuery;
using journal::QuarantineSpot;

/// One record in memory.
class OneRecord final : public Chunk {
public:
    OneRecord(Lsn lsn, std::vector<std::byte> bytes) : lsn_(lsn), bytes_(std::move(bytes)) {}
    [[nodiscard]] Lsn first() const noexcept override { return lsn_; }
    [[nodiscard]] std::uint32_t count() const noexcept override { return 1; }
    [[nodiscard]] std::span<const std::byte> records() const noexcept override { return bytes_; }

private:
    const Lsn lsn_;
    const std::vector<std::byte> bytes_;
};

/// The end of everything.
class NoReader final : public LogReader {
public:
    void seek(Lsn lsn) override { position_ = lsn; }
    [[nodiscard]] Lsn position() const override { return position_; }
    [[nodiscard]] Lsn durable() const override { return {}; }
    [[nodiscard]] Result<ReadResult> read(Nanoseconds wait, const std::stop_token& stop) override {
        rest(wait, stop);
        return ReadResult{};
    }

private:
    Lsn position_{1};
};

bool can_be_sent(const journal::QuarantineEntry& entry) {
    return RecordView::parse(entry.record).ok();
}

}  // namespace

Result<RedriveScope> redrive_scope(
    const journal::QuarantineStore& store, std::string sink, Lsn base, Lsn up_to
) {
    RedriveScope scope;
    scope.sink = std::move(sink);
    scope.base = base;
    std::optional<QuarantineSpot> after = QuarantineSpot{};
    while (after) {
        QuarantineQuery query;
        query.sink = scope.sink;
        query.after = *after;
        query.limit = Redrive::kPage;
        PS_TRY(const auto page, store.list(query));
        for (const auto& [entry, journal, spot, begin] : page.entries) {
            if (entry.lsn > up_to) continue;
            scope.through = spot;
            ++scope.entries;
            if (!can_be_sent(entry)) {
                ++scope.empty;
            } else {
                scope.last = std::max(scope.last, entry.lsn);
            }
        }
        after = page.next;
    }
    return scope;
}

// ---- store -> runner

/// Gives the entries as if they were the journal: gaps between, nothing behind the last.
class Redrive::Reader final : public LogReader {
public:
    explicit Reader(Redrive& redrive)
        : redrive_(redrive), store_(redrive.store_), scope_(redrive.scope_) {}

    void seek(Lsn lsn) override {
        position_ = lsn;
        page_.clear();
        next_ = 0;
        behind_ = QuarantineSpot{};
        previous_ = {};
        redrive_.under_way_.clear();
    }
    [[nodiscard]] Lsn position() const override { return position_; }
    [[nodiscard]] Lsn durable() const override { return scope_.last; }
    [[nodiscard]] Result<ReadResult> read(Nanoseconds wait, const std::stop_token& stop) override;

private:
    struct Waiting {
        QuarantineListed listed;
        QuarantineSpot after;
    };

    [[nodiscard]] Status turn_page();
    [[nodiscard]] ReadResult step_over(Lsn to) {
        ReadResult got;
        got.gap = {position_, to, Gap::Cause::skipped};
        position_ = to.next();
        return got;
    }
    [[nodiscard]] ChunkPtr give(Waiting& waiting);

    Redrive& redrive_;
    const journal::QuarantineStore& store_;
    const RedriveScope& scope_;
    Lsn position_{1};
    std::vector<Waiting> page_;  // by LSN
    std::size_t next_ = 0;
    std::optional<QuarantineSpot> behind_ = QuarantineSpot{};  // nothing: no page is left
    QuarantineSpot previous_;  // the entry before, in the store's order
};

Result<ReadResult> Redrive::Reader::read(Nanoseconds wait, const std::stop_token& stop) {
    while (next_ == page_.size() && behind_)
        PS_CHECK(turn_page());
    if (next_ == page_.size()) {
        if (position_ <= scope_.last) return step_over(scope_.last);
        rest(wait, stop);
        return ReadResult{};
    }
    Waiting& waiting = page_[next_];
    const Lsn lsn = waiting.listed.entry.lsn;
    if (lsn > position_) return step_over(Lsn{lsn.value - 1});
    ReadResult got;
    got.chunk = give(waiting);
    position_ = lsn.next();
    return got;
}

ChunkPtr Redrive::Reader::give(Waiting& waiting) {
    const Lsn lsn = waiting.listed.entry.lsn;
    auto chunk = std::make_shared<OneRecord>(lsn, std::move(waiting.listed.entry.record));
    for (; next_ < page_.size() && page_[next_].listed.entry.lsn == lsn; ++next_) {
        if (redrive_.refused_.contains(lsn)) continue;
        redrive_.under_way_[lsn].push_back({lsn, page_[next_].listed.spot, page_[next_].after});
    }
    return chunk;
}

Status Redrive::Reader::turn_page() {
    QuarantineQuery query;
    query.sink = scope_.sink;
    query.after = *behind_;
    query.limit = kPage;
    PS_TRY(auto page, store_.list(query));
    behind_ = page.next;
    page_.clear();
    next_ = 0;
    for (QuarantineListed& listed : page.entries) {
        if (listed.spot > scope_.through) {
            behind_.reset();
            break;
        }
        const QuarantineSpot after = std::exchange(previous_, listed.spot);
        const Lsn lsn = listed.entry.lsn;
        if (lsn < position_ || lsn > scope_.last || !can_be_sent(listed.entry)) continue;
        page_.push_back({std::move(listed), after});
    }
    std::ranges::sort(page_, {}, [](const Waiting& w) {
        return std::tie(w.listed.entry.lsn, w.listed.spot);
    });
    return {};
}

// ---- runner -> store

class Redrive::Cursor final : public CursorFile {
public:
    explicit Cursor(Redrive& redrive) : redrive_(redrive) {}
    [[nodiscard]] Result<std::optional<Lsn>> load() override { return std::optional(Lsn{}); }
    [[nodiscard]] Balance balance() const override { return {}; }
    [[nodiscard]] Status save(SafePoint safe, const Balance&) override {
        return redrive_.settle(safe.lsn());
    }

private:
    Redrive& redrive_;
};

/// The copy is where it always was.
class Redrive::Refused final : public RefusedStore {
public:
    explicit Refused(Redrive& redrive) : redrive_(redrive) {}
    [[nodiscard]] Status keep(std::span<const RefusedCopy> copies) override {
        for (const RefusedCopy& copy : copies) {
            redrive_.under_way_.erase(copy.lsn);
            redrive_.refused_.insert(copy.lsn);
        }
        redrive_.refused_again_ = redrive_.refused_.size();
        return {};
    }

private:
    Redrive& redrive_;
};

Redrive::Redrive(journal::QuarantineStore& store, RedriveScope scope)
    : store_(store), scope_(std::move(scope)) {}

std::unique_ptr<LogReader> Redrive::reader() {
    return std::make_unique<Reader>(*this);
}

std::unique_ptr<LogReader> Redrive::no_reader() {
    return std::make_unique<NoReader>();
}

std::unique_ptr<CursorFile> Redrive::cursor() {
    return std::make_unique<Cursor>(*this);
}

std::unique_ptr<RefusedStore> Redrive::refused() {
    return std::make_unique<Refused>(*this);
}

Status Redrive::settle(Lsn safe) {
    Entries entries;
    const auto end = under_way_.upper_bound(safe);
    for (auto it = under_way_.begin(); it != end; ++it)
        entries.insert(entries.end(), it->second.begin(), it->second.end());
    if (entries.empty()) return {};
    PS_CHECK(store_.settle({scope_.sink, journal::QuarantineFate::redriven, scope_.base, entries}));
    redriven_ += static_cast<std::uint64_t>(std::distance(under_way_.begin(), end));
    under_way_.erase(under_way_.begin(), end);
    return {};
}

}  // namespace penstock::sinks
