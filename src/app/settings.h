#pragma once

#include "api/config.h"
#include "api/sensor_config.h"
#include "auth/config.h"
#include "base/log.h"
#include "config/field.h"
#include "ingest/config.h"
#include "ingest/http/config.h"
#include "inspect/config.h"
#include "journal/config.h"
#include "journal/quarantine_store.h"
#include "journal/retention.h"
#include "sinks/config.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace penstock::app {

/// The table `log:`.
struct LogConfig {
    log::Level level = log::Level::info;
};

/// The table `listeners:`. Those that are named are opened; with neither MQTT nor HTTP named,
/// `mqtt` and `http` are opened on their defaults. The admin listener is always there.
struct ListenersConfig {
    std::optional<ingest::MqttListenerConfig> mqtt;
    std::optional<ingest::MqttListenerConfig> mqtts;
    std::optional<ingest::http::Config> http;
    std::optional<ingest::http::Config> https;
    api::Config admin;
    ByteCount memory = ingest::kConnectionMemory;  // of all connections of devices together
    config::Origin origin;
};

/// The table `journal:`: how it writes, and what it keeps.
struct JournalSettings {
    journal::Config writing;
    journal::RetentionConfig keeping;
};

/// The whole configuration: the settings of all parts.
/// Threads: immutable once read.
struct Settings {
    /// The program that the files were written for (release.h); empty: they do not say.
    std::string for_version;
    std::filesystem::path data_dir = "/var/lib/penstock";
    /// Threads that take and examine records. 0: as many as there are cores. May change between
    /// starts.
    std::uint32_t shards = 0;
    /// How long a shard may rest so that records gather (app/pace.h). 0: never.
    Duration gather_window = std::chrono::milliseconds(2);
    /// What the bounded memories (journal tail, batches, rings, score states) may take together.
    ByteCount memory_limit = 1_GiB;
    LogConfig log;
    ListenersConfig listeners;
    auth::Config auth;
    inspect::Config inspect;
    JournalSettings journal;
    journal::QuarantineConfig quarantine;
    sinks::SinksConfig sinks;
    api::SensorConfig sensor_metrics;
    config::Origin origin;

    [[nodiscard]] std::uint32_t shard_count() const;
};

/// One line of the memory budget.
struct MemoryShare {
    std::string what;
    ByteCount bytes;
};
/// Where the bounded memory goes; `check` prints it, and more than memory_limit in all is an error.
[[nodiscard]] std::vector<MemoryShare> memory_shares(const Settings& settings);

/// Settings files, each laid over those before it: a later one wins key by key.
using ConfigFiles = std::vector<std::filesystem::path>;

/// The settings of files; at least one. Null when there is anything wrong: it is in `problems`, all
/// of it.
[[nodiscard]] std::optional<Settings> load_settings(
    const ConfigFiles& files, config::Problems& problems
);
/// `base.yaml + prod.yaml`
[[nodiscard]] std::string names_of(const ConfigFiles& files);

/// The settings of `penstock run --demo`: what config/demo.yaml says, embedded.
[[nodiscard]] Settings demo_settings();

}  // namespace penstock::app

namespace penstock::config {

template <>
struct Fields<app::LogConfig> {
    static Table<app::LogConfig> table();
};
template <>
struct Fields<app::ListenersConfig> {
    static Table<app::ListenersConfig> table();
};
template <>
struct Fields<app::JournalSettings> {
    static Table<app::JournalSettings> table();
};
template <>
struct Fields<app::Settings> {
    static Table<app::Settings> table();
    static void check(const app::Settings& settings, const Origin& origin, Problems& problems);
};

}  // namespace penstock::config
