#pragma once

#include "penstock/clock.h"
#include "penstock/result.h"
#include "penstock/sink.h"
#include "sinks/archive/window.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::sinks {

/// An object that is durable at the far side, with exactly its bytes.
struct StoredObject {
    const ArchiveObject* object = nullptr;
    std::string name;  // its own, or the one beside
};

/// What a call of Store::poll() brought.
struct StoreProgress {
    std::vector<StoredObject> done;
    std::optional<SinkFailure> failure;  // then cancel() follows
    std::uint64_t sent_bytes = 0;
    std::uint64_t conflicts = 0;  // objects that stand under another name, see Store
};

/// Where objects go. Putting the same object twice leaves one; an object of the same name with
/// other bytes is never overwritten: the new one is put beside it (name_beside) and counted.
/// Threads: owner.
class Store {
public:
    virtual ~Store() = default;

    /// Begins to put an object, which must live until it is done or cancelled. `again`: it may be
    /// there from an earlier attempt, whole or in parts. Precondition: room().
    virtual void begin(const ArchiveObject& object, bool again) = 0;
    [[nodiscard]] virtual bool room() const noexcept = 0;
    /// Moves I/O along for at most `wait`. (A local store waits for the disk as long as the disk
    /// takes.)
    [[nodiscard]] virtual StoreProgress poll(Nanoseconds wait) = 0;
    /// Drops what is under way.
    virtual void cancel() = 0;
    [[nodiscard]] virtual Status probe(Nanoseconds bound) = 0;
};

}  // namespace penstock::sinks
