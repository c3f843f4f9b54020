#pragma once

#include "inspect/config.h"
#include "sinks/declared_fields.h"

#include <memory>

namespace penstock::app {

/// What the streams of the settings declare, for sinks that make tables. Follows a reload.
/// Threads: any thread.
class DeclaredFields {
public:
    DeclaredFields();
    /// From now on these streams.
    void set(const inspect::Config& config);
    /// A look at it that may outlive it.
    [[nodiscard]] sinks::FieldCatalog catalog() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace penstock::app
