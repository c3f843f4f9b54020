#pragma once

#include "journal/cursor.h"
#include "journal/journal.h"
#include "journal/quarantine_store.h"
#include "penstock/result.h"
#include "sinks/config.h"
#include "sinks/declared_fields.h"
#include "sinks/health.h"
#include "sinks/runner.h"

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace penstock::app {

/// The running sinks, by id. Each has its own thread, reader and cursor: none knows of another.
/// Threads: start(), replace() and stop() the owner; health() any thread.
class SinkSet {
public:
    SinkSet(
        journal::Journal& journal,
        journal::QuarantineStore& quarantine,
        std::filesystem::path data_dir,
        metrics::Registry& registry,
        sinks::FieldCatalog declared_fields
    );
    ~SinkSet();
    SinkSet(const SinkSet&) = delete;
    SinkSet& operator=(const SinkSet&) = delete;

    /// Builds and starts every sink. On an error none of them runs.
    [[nodiscard]] Status start(const sinks::SinksConfig& config);
    /// Goes over to other settings: sinks that are gone stop (their cursors stay, and hold nothing
    /// any more), new ones start, changed ones start anew at their cursor. On an error the old ones
    /// go on as they were.
    [[nodiscard]] Status replace(const sinks::SinksConfig& config);
    /// Saves the cursors and ends the threads. Does not wait for far sides.
    void stop();

    [[nodiscard]] std::vector<sinks::SinkHealth> health() const;
    /// Of one; nothing when there is none of that id.
    [[nodiscard]] std::optional<sinks::SinkHealth> health(const std::string& id) const;

private:
    struct Running {
        std::string settings;  // as text: tells whether they changed
        std::unique_ptr<sinks::RunnerThread> runner;
    };

    [[nodiscard]] Result<Running> make(
        const std::string& id, const config::Variant<sinks::SinkConfig>& settings
    );
    /// What has to be true before a sink is built: its folder, its cursor (which holds the journal
    /// for it from now on).
    [[nodiscard]] Status prepare(const std::string& id);
    static void end(Running& running);

    journal::Journal& journal_;
    journal::QuarantineStore& quarantine_;
    std::filesystem::path data_dir_;
    metrics::Registry& registry_;
    const sinks::FieldCatalog declared_fields_;
    mutable std::mutex mutex_;  // guards running_ against health()
    std::map<std::string, Running> running_;
};

}  // namespace penstock::app
