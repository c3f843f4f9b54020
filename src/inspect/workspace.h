#pragma once

#include "inspect/char_buffer.h"
#include "inspect/fault.h"
#include "inspect/field_index.h"
#include "inspect/json_walk.h"
#include "inspect/metric.h"
#include "inspect/rules/value.h"
#include "inspect/shape.h"

#include <cstddef>
#include <vector>

namespace penstock::inspect {

class Inspector;

/// The memory in which one shard examines one message after the other; nothing is allocated per
/// message once it has grown to what the payloads need (a few KiB; at most a few MiB for the
/// largest payload that the limits let in).
/// Threads: owning shard.
class Workspace {
public:
    /// For this inspector only: it remembers what the streams' payloads look like.
    explicit Workspace(const Inspector& inspector);

    /// Derived fields of a stream; the configuration is checked for it.
    static constexpr std::size_t kMaxDerived = 64;

    // For the inspector.
    JsonWalk walk;
    std::vector<Shape> shapes;  // by number of the stream
    FieldIndex index;
    Fault fault;
    CharBuffer text;            // strings without their escapes
    std::vector<Value> values;  // by slot
    std::vector<Metric> metrics;
};

}  // namespace penstock::inspect
