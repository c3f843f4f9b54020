#pragma once

#include "penstock/clock.h"
#include "penstock/result.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::sinks {

/// Looks up the addresses of a host, for libraries whose own look-up blocks. It runs on a thread of
/// its own, which this object does not wait for: a name service that hangs holds nobody up.
///
/// Threads: owner.
class NameLookup {
public:
    /// Begins. A numeric address needs no thread.
    explicit NameLookup(const std::string& host);

    /// Waits at most `wait`; nothing while it is under way. The addresses are numeric, in the order
    /// of preference, kAddressesMax at most. Errors: unavailable.
    [[nodiscard]] std::optional<Result<std::vector<std::string>>> poll(Nanoseconds wait);

    static constexpr std::size_t kAddressesMax = 8;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace penstock::sinks
