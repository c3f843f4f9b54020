#pragma once

#include "penstock/ids.h"
#include "penstock/record.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::sinks {

/// The bytes of a window's objects in the making. The same calls give the same bytes.
/// Threads: owner.
class ObjectBodies {
public:
    virtual ~ObjectBodies() = default;

    /// Begins a body for records of this stream; its number: 0, 1, 2...
    [[nodiscard]] virtual std::size_t begin(std::string_view stream) = 0;
    virtual void add(std::size_t body, Lsn lsn, const RecordView& record) = 0;
    /// The bytes. The body is used up.
    [[nodiscard]] virtual std::string finish(std::size_t body) = 0;

    /// Of all bodies: what is compressed, and what waits to be.
    [[nodiscard]] virtual std::uint64_t bytes() const noexcept = 0;
    /// Bodies of which a part was ended early so that another could go on within the bound on
    /// memory.
    [[nodiscard]] virtual std::uint64_t evictions() const noexcept = 0;
};

}  // namespace penstock::sinks
