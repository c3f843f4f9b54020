#include "app/settings.h"

#include "app/release.h"
#include "auth/authenticator.h"
#include "config/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <thread>
#include <utility>

namespace penstock::app {

std::uint32_t Settings::shard_count() const {
    if (shards != 0) return shards;
    return std::clamp(std::thread::hardware_concurrency(), 1U, 64U);
}

std::vector<MemoryShare> memory_shares(const Settings& settings) {
    const std::uint64_t shards = settings.shard_count();
    const auto& writing = settings.journal.writing;
    const std::uint64_t batches = shards * writing.ring * writing.batch_size.value;
    // Each pair of shards: 16 parcels of 128 KiB.
    const std::uint64_t parcels = shards * (shards - 1) * 16 * 128 * 1024;
    const std::uint64_t buffers = shards * 2 * 1024 * 1024;
    return {
        {"journal, newest records (journal.memory_tail)", writing.memory_tail},
        {"journal, batches on their way (shards x journal.ring x journal.batch_size)", {batches}},
        {"records between shards", {parcels}},
        {"buffers of the shards", {buffers}},
        {"connections (listeners.memory)", settings.listeners.memory},
        {"learned scores (score_state.memory)", settings.inspect.score_state.memory},
    };
}

std::optional<Settings> load_settings(const ConfigFiles& files, config::Problems& problems) {
    return config::load<Settings>(files, problems);
}

std::string names_of(const ConfigFiles& files) {
    std::string names;
    for (const auto& file : files)
        names += (names.empty() ? "" : " + ") + file.string();
    return names;
}

namespace {

std::uint64_t total(const std::vector<MemoryShare>& shares) {
    return std::accumulate(
        shares.begin(),
        shares.end(),
        std::uint64_t{0},
        [](auto sum, const auto& share) { return sum + share.bytes.value; }
    );
}

void check_memory(
    const Settings& settings, const config::Origin& origin, config::Problems& problems
) {
    const auto shares = memory_shares(settings);
    if (total(shares) <= settings.memory_limit.value) return;
    std::string text = fmt::format(
        "'memory_limit' is {}, but the bounds below it add up to {}:",
        config::print(settings.memory_limit),
        config::print(ByteCount{total(shares)})
    );
    for (const auto& share : shares)
        text += fmt::format(" {} {};", share.what, config::print(share.bytes));
    problems.error(origin.at("memory_limit"), text);
}

/// A listener that somebody else can reach wants to know who is there.
template <class Listener>
void check_listener(
    std::string_view name,
    const std::optional<Listener>& listener,
    const Settings& settings,
    config::Problems& problems
) {
    if (!listener) return;
    const auto& auth = settings.auth;
    const bool open =
        auth.passwords.empty() && auth.tokens.empty() && auth.bearer.empty() && !auth.anonymous;
    const auto status = ingest::check_listener(name, listener->listen, listener->tls, open);
    if (!status.ok()) problems.error(listener->origin.at("listen"), status.error().message);
}

}  // namespace

}  // namespace penstock::app

namespace penstock::config {

using app::JournalSettings;
using app::ListenersConfig;
using app::LogConfig;
using app::Settings;

Table<LogConfig> Fields<LogConfig>::table() {
    return {
        field(
            "level",
            &LogConfig::level,
            "Lines below this level are not written.",
            one_of<log::Level>(
                {{"debug", log::Level::debug},
                 {"info", log::Level::info},
                 {"warn", log::Level::warn},
                 {"error", log::Level::error}}
            )
        ),
    };
}

Table<ListenersConfig> Fields<ListenersConfig>::table() {
    return {
        field("mqtt", &ListenersConfig::mqtt, "MQTT 3.1, 3.1.1 and 5."),
        field(
            "mqtts",
            &ListenersConfig::mqtts,
            "A second MQTT listener, usually with TLS on port 8883."
        ),
        field("http", &ListenersConfig::http, "HTTP ingest."),
        field("https", &ListenersConfig::https, "A second HTTP listener, usually with TLS."),
        field(
            "admin",
            &ListenersConfig::admin,
            "Health, metrics, queries, live tail and the status page."
        ),
        field(
            "memory",
            &ListenersConfig::memory,
            "What connections of devices may hold together: beginnings of packets, and answers "
            "that "
            "are not read. Above half of it new clients are refused; at the bound those that hold "
            "most are ended.",
            at_least(1_MiB)
        ),
    };
}

Table<JournalSettings> Fields<JournalSettings>::table() {
    return {keys_of(&JournalSettings::writing, needs_restart), keys_of(&JournalSettings::keeping)};
}

Table<Settings> Fields<Settings>::table() {
    return {
        field(
            "for_version",
            &Settings::for_version,
            "Version of Penstock that the settings were written for, such as 0.1.0: an older "
            "program "
            "refuses them. Empty: any.",
            satisfies<std::string>(
                "a version, and none that is newer than this program",
                [](const std::string& text) {
                    const auto release = app::parse_release(text);
                    return text.empty() || (release && *release <= app::this_release());
                }
            )
        ),
        field(
            "data_dir",
            &Settings::data_dir,
            "Folder of journal, cursors, quarantine and score states. One process at a time.",
            needs_restart
        ),
        field(
            "shards",
            &Settings::shards,
            "Threads that take and examine records; 0: as many as there are cores. May change "
            "between starts.",
            at_most(64U),
            needs_restart
        ),
        field(
            "gather_window",
            &Settings::gather_window,
            "Longest rest of a shard between two looks at its sockets, taken only while many "
            "connections send a few thousand records per second: one wake-up and one commit then "
            "serve several, and an acknowledgement comes up to two rests later. 0: never.",
            at_most(Duration(std::chrono::milliseconds(100))),
            needs_restart
        ),
        field(
            "memory_limit",
            &Settings::memory_limit,
            "What the bounded memories may take together; `penstock check` shows the shares.",
            at_least(64_MiB)
        ),
        field("log", &Settings::log, "The log: JSON lines on standard error."),
        field(
            "listeners",
            &Settings::listeners,
            "Where devices and operators connect. A reload reads the files of certificates anew.",
            needs_restart
        ),
        field("auth", &Settings::auth, "Who may connect."),
        keys_of(&Settings::inspect),
        field("journal", &Settings::journal, "The log on disk between devices and sinks."),
        field(
            "quarantine",
            &Settings::quarantine,
            "Copies of records that a far side refused.",
            needs_restart
        ),
        field(
            "sinks",
            &Settings::sinks,
            "Where records go, by id. The id names the cursor: keep it while the sink is the same.",
            names_are_ids(),
            max_items(sinks::kSinksMax)
        ),
        field(
            "sensor_metrics",
            &Settings::sensor_metrics,
            "Latest values of devices among the metrics, for a dashboard of a few; for a fleet "
            "there is the line_protocol sink."
        ),
    };
}

void Fields<Settings>::check(const Settings& settings, const Origin& origin, Problems& problems) {
    app::check_memory(settings, origin, problems);
    const auto& listeners = settings.listeners;
    app::check_listener("mqtt", listeners.mqtt, settings, problems);
    app::check_listener("mqtts", listeners.mqtts, settings, problems);
    app::check_listener("http", listeners.http, settings, problems);
    app::check_listener("https", listeners.https, settings, problems);
}

}  // namespace penstock::config
