#pragma once

#include "sinks/stores.h"

#include <memory>
#include <string>

namespace penstock::journal {
class CursorStore;
class QuarantineStore;
}  // namespace penstock::journal

namespace penstock::sinks {

/// A sink's cursor in the journal's store. load() attaches it, so that retention waits for it; the
/// daemon may have done so before. The store must outlive what is returned, here and below.
[[nodiscard]] std::unique_ptr<CursorFile> journal_cursor(
    journal::CursorStore& store, std::string sink
);

/// A sink's part of the quarantine store.
[[nodiscard]] std::unique_ptr<RefusedStore> quarantine(
    journal::QuarantineStore& store, std::string sink
);

}  // namespace penstock::sinks
