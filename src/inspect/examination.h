#pragma once

#include "inspect/inspector.h"
#include "inspect/stream.h"
#include "inspect/workspace.h"
#include "penstock/intake.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace penstock::inspect {

/// One message on its way through inspection: the steps of Inspector::examine, in their order.
/// Threads: owning shard.
class Examination {
public:
    /// Fills in `examined`, which must be fresh.
    Examination(const Message& message, Workspace& workspace, Examined& examined);

    void run(const Stream& stream, std::uint64_t max_size);
    /// The message's fault is in the workspace already.
    void unrouted(bool refuse);

private:
    bool read_payload(std::uint64_t max_size);
    bool find_device();
    void find_time();
    void find_sequence();
    bool check_fields();
    bool check_field(const FieldRule& rule, Known& known);
    bool check_number(const FieldRule& rule, Known& known);
    bool check_text(const FieldRule& rule, Known& known);
    void read_values();
    void derive();
    void add_derived(const DeriveRule& rule, const Value& value);
    void collect_metrics();

    bool invalid_device(std::string_view sentence);
    bool invalid_field(const FieldRule& rule, std::string_view sentence);
    void use_device(std::string_view id);
    [[nodiscard]] std::string_view text_of(Known& known);
    [[nodiscard]] Value value_of(Known& known);
    [[nodiscard]] std::string_view status() const;
    void not_accepted();

    const Message& message_;
    Workspace& workspace_;
    const Stream* stream_ = nullptr;
    Examined& examined_;
};

}  // namespace penstock::inspect
