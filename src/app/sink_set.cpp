#include "app/sink_set.h"

#include "base/files.h"
#include "base/log.h"
#include "base/metrics.h"
#include "sinks/journal_stores.h"
#include "sinks/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

namespace penstock::app {
namespace {

/// Settings as text. A secret that stands in a file may have changed although its reference has
/// not.
std::string text_of(const config::Variant<sinks::SinkConfig>& settings) {
    return settings->origin.text();
}

bool names_a_file(const std::string& text) {
    return text.find("file:") != std::string::npos || text.find("credential:") != std::string::npos;
}

std::uint64_t fresh_seed() {
    std::random_device device;
    return (std::uint64_t{device()} << 32U) | device();
}

}  // namespace

SinkSet::SinkSet(
    journal::Journal& journal,
    journal::QuarantineStore& quarantine,
    std::filesystem::path data_dir,
    metrics::Registry& registry,
    sinks::FieldCatalog declared_fields
)
    : journal_(journal),
      quarantine_(quarantine),
      data_dir_(std::move(data_dir)),
      registry_(registry),
      declared_fields_(std::move(declared_fields)) {}

SinkSet::~SinkSet() {
    stop();
}

Status SinkSet::prepare(const std::string& id) {
    PS_CHECK(files::make_private_directory(data_dir_ / "sinks" / id));
    PS_TRY(const auto cursor, journal_.cursors().attach(id));
    log::info(
        "sink attached", {{"sink", id}, {"cursor", cursor->lsn().value}, {"new", cursor->fresh()}}
    );
    return {};
}

Result<SinkSet::Running> SinkSet::make(
    const std::string& id, const config::Variant<sinks::SinkConfig>& settings
) {
    PS_CHECK(prepare(id));
    const sinks::SinkContext context{
        .id = id,
        .journal = journal_.id(),
        .state_dir = data_dir_ / "sinks" / id,
        .clock = &system_clock(),
        .seed = fresh_seed(),
        .metrics = &registry_,
        .declared_fields = declared_fields_
    };
    auto sink = sinks::make_sink(settings, context);
    if (!sink)
        return Error{sink.error().code, fmt::format("sink '{}': {}", id, sink.error().message)};
    sinks::RunnerParts parts;
    parts.id = id;
    parts.type = settings.type();
    parts.settings = *settings;
    parts.sink = std::move(*sink);
    parts.reader = journal_.reader();
    parts.open_reader = [this] { return journal_.reader(); };
    parts.cursor = sinks::journal_cursor(journal_.cursors(), id);
    parts.refused = sinks::quarantine(quarantine_, id);
    parts.metrics = &registry_;
    parts.seed = fresh_seed();
    Running running;
    running.settings = text_of(settings);
    running.runner = std::make_unique<sinks::RunnerThread>(std::move(parts));
    return running;
}

void SinkSet::end(Running& running) {
    if (running.runner->stop(std::chrono::nanoseconds(kSinkStopBound + kSecond))) {
        running.runner.reset();
        return;
    }
    // Stuck inside a far side's library: the thread stays behind with all that it uses.
    // NOLINTNEXTLINE(bugprone-unused-return-value)
    static_cast<void>(running.runner.release());
}

Status SinkSet::start(const sinks::SinksConfig& config) {
    std::map<std::string, Running> built;
    for (const auto& [id, settings] : config) {
        PS_TRY(auto running, make(id, settings));
        built.emplace(id, std::move(running));
    }
    for (auto& [id, running] : built)
        running.runner->start();
    const std::lock_guard lock(mutex_);
    running_ = std::move(built);
    return {};
}

Status SinkSet::replace(const sinks::SinksConfig& config) {
    // What stays as it is is not touched; what changed must stop before its successor opens the
    // same cursor.
    std::vector<std::string> changed;
    for (const auto& [id, settings] : config) {
        const auto found = running_.find(id);
        const auto text = text_of(settings);
        if (found == running_.end() || found->second.settings != text || names_a_file(text))
            changed.push_back(id);
    }
    for (const auto& id : changed) {
        const sinks::SinkContext context{
            .id = id,
            .journal = journal_.id(),
            .state_dir = data_dir_ / "sinks" / id,
            .clock = &system_clock(),
            .seed = 0,
            .metrics = nullptr,
            .declared_fields = {}
        };
        // A try run: settings that the sink refuses must not cost us the one that works.
        if (const auto tried = sinks::make_sink(*config.find(id), context); !tried) {
            return Error{
                tried.error().code, fmt::format("sink '{}': {}", id, tried.error().message)
            };
        }
    }
    std::map<std::string, Running> ending;
    {
        const std::lock_guard lock(mutex_);
        for (auto it = running_.begin(); it != running_.end();) {
            const bool stays =
                config.find(it->first) != nullptr &&
                std::find(changed.begin(), changed.end(), it->first) == changed.end();
            auto here = it++;
            if (!stays) ending.insert(running_.extract(here));
        }
    }
    for (auto& [id, running] : ending)
        running.runner->request_stop();
    for (auto& [id, running] : ending) {
        end(running);
        if (config.find(id) == nullptr) {
            journal_.cursors().detach(id);
            log::info("sink removed", {{"sink", id}});
        }
    }
    for (const auto& id : changed) {
        PS_TRY(auto running, make(id, *config.find(id)));
        running.runner->start();
        const std::lock_guard lock(mutex_);
        running_.emplace(id, std::move(running));
    }
    return {};
}

void SinkSet::stop() {
    std::map<std::string, Running> ending;
    {
        const std::lock_guard lock(mutex_);
        ending.swap(running_);
    }
    for (auto& [id, running] : ending)
        running.runner->request_stop();
    for (auto& [id, running] : ending)
        end(running);
}

std::vector<sinks::SinkHealth> SinkSet::health() const {
    const std::lock_guard lock(mutex_);
    std::vector<sinks::SinkHealth> out;
    out.reserve(running_.size());
    for (const auto& [id, running] : running_)
        out.push_back(running.runner->health());
    return out;
}

std::optional<sinks::SinkHealth> SinkSet::health(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(id);
    if (found == running_.end()) return std::nullopt;
    return found->second.runner->health();
}

}  // namespace penstock::app
