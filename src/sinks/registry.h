#pragma once

#include "config/field.h"
#include "penstock/clock.h"
#include "penstock/ids.h"
#include "penstock/result.h"
#include "penstock/sink.h"
#include "sinks/config.h"
#include "sinks/declared_fields.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::metrics {
class Registry;
}

namespace penstock::sinks {

/// What a sink is built with beside its settings.
/// Threads: immutable.
struct SinkContext {
    std::string id;     // the key of the settings map: letters, digits, '_', '-'
    JournalId journal;  // stands beside the LSN in every far-side key, header and object name
    std::filesystem::path state_dir;  // <data_dir>/sinks/<id>, made before (0700): what the sink
                                      // itself has to remember
    const Clock* clock = &system_clock();
    std::uint64_t seed = 0;  // for jitter inside the sink
    metrics::Registry* metrics =
        nullptr;  // for metrics of the sink's own; null: tools, nobody reads them
    FieldCatalog declared_fields = {};  // empty: none is known
    bool replay = false;  // a delivery that ends, beside the sink's own: state_dir goes with it
};

/// A type of sink: its settings table and how one is made. To add a sink: one file pair with its
/// settings struct, table and a function that returns its SinkKind, and one line in registry.cpp.
/// Threads: immutable.
struct SinkKind {
    std::string type;  // what `type:` says
    config::Kind<SinkConfig> settings;
    /// Connects to nothing yet. Errors: settings that only the transport library can judge.
    std::function<Result<std::unique_ptr<Sink>>(const SinkConfig&, const SinkContext&)> make;
    /// Why no second sink of these settings may work beside the first, for replay and redrive;
    /// empty: it may.
    std::function<std::string_view(const SinkConfig&)> alone = [](const SinkConfig&) {
        return std::string_view();
    };
};

/// A SinkKind out of a settings struct that derives from SinkConfig and has a `config::Fields`.
template <class Config, class Make>
SinkKind sink_kind(const std::string& type, const std::string& help, Make maker) {
    return {
        type,
        config::kind<SinkConfig, Config>(type, help),
        [make = std::move(maker)](const SinkConfig& config, const SinkContext& context) {
            return make(static_cast<const Config&>(config), context);
        }
    };
}

/// All types, in the order of the documentation.
[[nodiscard]] const std::vector<SinkKind>& sink_kinds();

/// SinkKind::alone of these settings. Precondition: as for make_sink().
[[nodiscard]] std::string_view why_alone(const config::Variant<SinkConfig>& settings);

/// The sink of these settings. Precondition: not empty (they come from the settings reader or from
/// Variant::of).
[[nodiscard]] Result<std::unique_ptr<Sink>> make_sink(
    const config::Variant<SinkConfig>& settings, const SinkContext& context
);

}  // namespace penstock::sinks
