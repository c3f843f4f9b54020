#pragma once

#include "penstock/clock.h"
#include "penstock/disk.h"
#include "sinks/stores.h"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace penstock::sinks {

/// The cursor of a replay: a cursor file (journal/cursor_format.h) beside its order. One that is
/// missing, or cannot be read, begins the range anew: behind is safe.
/// Threads: the runner's; `reached` any thread.
class OrderCursor final : public CursorFile {
public:
    struct Parts {
        std::filesystem::path path;
        JournalId journal;
        std::string sink;
        Lsn start;  // where the range begins, less one
        Disk& disk;
        const Clock& clock;
        std::shared_ptr<std::atomic<std::uint64_t>> reached;  // LSN that is saved; told to others
    };
    explicit OrderCursor(Parts parts);

    [[nodiscard]] Result<std::optional<Lsn>> load() override;
    [[nodiscard]] Balance balance() const override { return balance_; }
    [[nodiscard]] Status save(SafePoint safe, const Balance& balance) override;

private:
    const Parts parts_;
    Balance balance_;
    std::uint64_t generation_ = 0;
};

}  // namespace penstock::sinks
