#pragma once

#include "sinks/stores.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::test {

/// What a runner keeps on disk, in memory, outliving the runner as a disk does.
/// Threads: the runner's; a test reads when the runner does not run.
struct FakeDiskOfSink {
    struct Kept {
        Lsn lsn;
        std::string reason;
        std::string payload;
    };

    std::optional<Lsn> cursor;
    sinks::Balance balance;
    std::vector<Lsn> saves;
    std::vector<Kept> kept;
    std::size_t room = 1000;  // refused records that fit
    bool cursor_lost = false;
    std::optional<Error> load_fails;
    std::optional<Error> save_fails;
};

class FakeCursorFile final : public sinks::CursorFile {
public:
    explicit FakeCursorFile(FakeDiskOfSink& disk) : disk_(disk) {}

    [[nodiscard]] Result<std::optional<Lsn>> load() override {
        if (disk_.load_fails) return *disk_.load_fails;
        return disk_.cursor;
    }
    [[nodiscard]] bool lost() const override { return disk_.cursor_lost; }
    [[nodiscard]] sinks::Balance balance() const override { return disk_.balance; }
    [[nodiscard]] Status save(sinks::SafePoint safe, const sinks::Balance& balance) override {
        if (disk_.save_fails) return *disk_.save_fails;
        disk_.cursor = safe.lsn();
        disk_.balance = balance;
        disk_.saves.push_back(safe.lsn());
        return {};
    }

private:
    FakeDiskOfSink& disk_;
};

class FakeRefusedStore final : public sinks::RefusedStore {
public:
    explicit FakeRefusedStore(FakeDiskOfSink& disk) : disk_(disk) {}

    [[nodiscard]] Status keep(std::span<const sinks::RefusedCopy> copies) override {
        if (disk_.kept.size() + copies.size() > disk_.room) {
            return Error{Errc::full, "the quarantine store is full"};
        }
        for (const sinks::RefusedCopy& copy : copies) {
            const bool there = !copy.record.bytes().empty();
            disk_.kept.push_back({
                copy.lsn,
                std::string(copy.reason),
                there ? std::string(copy.record.payload()) : std::string(),
            });
        }
        return {};
    }

private:
    FakeDiskOfSink& disk_;
};

}  // namespace penstock::test
