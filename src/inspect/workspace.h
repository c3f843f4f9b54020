#pragma once

#include "expression/value.h"
#include "inspect/char_buffer.h"
#include "inspect/fault.h"
#include "inspect/field_index.h"
#include "inspect/form.h"
#include "inspect/json_walk.h"
#include "inspect/metric.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace penstock::inspect {

using expression::Value;

/// The memory in which one shard examines one message after the other; nothing is allocated per
/// message once it has grown to what the payloads need (a few KiB; at most a few MiB for the
/// largest payload that the limits let in).
/// Threads: owning shard.
class Workspace {
public:
    /// `max_fields` as Inspector::max_fields() says. For one inspector only, since the workspace
    /// remembers what the payloads of its streams look like: a new inspector needs a new one.
    explicit Workspace(std::size_t max_fields)
        : walk(max_fields), index(max_fields + kMaxDerived) {}

    /// What a stream's payloads look like.
    [[nodiscard]] Forms& forms(std::size_t stream) {
        if (stream >= forms_.size()) forms_.resize(stream + 1);
        return forms_[stream];
    }

    /// Derived fields of a stream; the configuration is checked for it.
    static constexpr std::size_t kMaxDerived = 64;

    // For the inspector.
    JsonWalk walk;
    FieldIndex index;
    Fault fault;
    CharBuffer text;            // strings without their escapes
    std::vector<Value> values;  // by slot
    std::vector<Metric> metrics;

    // The topic that was routed last, and where to: the next message often has the same.
    std::string last_topic;
    std::uint16_t last_stream = 0;

private:
    std::vector<Forms> forms_;
};

}  // namespace penstock::inspect
