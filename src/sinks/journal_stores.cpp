#include "sinks/journal_stores.h"

#include "journal/cursor.h"
#include "journal/quarantine_store.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

class JournalCursorFile final : public CursorFile {
public:
    JournalCursorFile(journal::CursorStore& store, std::string sink)
        : store_(store), sink_(std::move(sink)) {}

    [[nodiscard]] Result<std::optional<Lsn>> load() override {
        PS_TRY(cursor_, store_.attach(sink_));
        if (cursor_->fresh()) return std::optional<Lsn>();
        return std::optional(cursor_->lsn());
    }

    [[nodiscard]] bool lost() const override {
        const auto files = store_.list();
        if (!files.ok()) return true;
        return std::any_of(files->begin(), files->end(), [this](const journal::CursorInfo& file) {
            return file.sink == sink_ && !file.problem.empty();
        });
    }

    [[nodiscard]] Balance balance() const override {
        if (!cursor_ || cursor_->fresh()) return {};
        return balance_at(cursor_->lsn(), cursor_->state());
    }

    [[nodiscard]] Status save(SafePoint safe, const Balance& balance) override {
        if (!cursor_) return Error{Errc::invalid_argument, "cursor saved before it was loaded"};
        SinkProgress settled;
        settled.safe = safe.lsn();
        return cursor_->save(journal::Confirmed::by(settled), encode_balance(balance));
    }

private:
    journal::CursorStore& store_;
    const std::string sink_;
    journal::CursorPtr cursor_;
};

class JournalRefusedStore final : public RefusedStore {
public:
    JournalRefusedStore(journal::QuarantineStore& store, std::string sink)
        : store_(store), sink_(std::move(sink)) {}

    [[nodiscard]] Status keep(std::span<const RefusedCopy> copies) override {
        std::vector<journal::RefusedCopy> entries;
        entries.reserve(copies.size());
        for (const RefusedCopy& copy : copies) {
            entries.push_back({copy.lsn, copy.reason, copy.record.bytes()});
        }
        return store_.append(sink_, entries);
    }

private:
    journal::QuarantineStore& store_;
    const std::string sink_;
};

}  // namespace

std::unique_ptr<CursorFile> journal_cursor(journal::CursorStore& store, std::string sink) {
    return std::make_unique<JournalCursorFile>(store, std::move(sink));
}

std::unique_ptr<RefusedStore> quarantine(journal::QuarantineStore& store, std::string sink) {
    return std::make_unique<JournalRefusedStore>(store, std::move(sink));
}

}  // namespace penstock::sinks
