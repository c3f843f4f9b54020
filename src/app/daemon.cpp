#include "app/daemon.h"

#include "api/sensors.h"
#include "api/server.h"
#include "app/cli.h"
#include "app/device_listeners.h"
#include "app/field_catalog.h"
#include "app/order_desk.h"
#include "app/pulse.h"
#include "app/score_keeper.h"
#include "app/service_manager.h"
#include "app/shard_set.h"
#include "app/signals.h"
#include "app/sink_set.h"
#include "app/status.h"
#include "app/version.h"
#include "auth/authenticator.h"
#include "base/files.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/posix_disk.h"
#include "inspect/inspector.h"
#include "journal/history.h"
#include "journal/index_keeper.h"
#include "journal/journal.h"
#include "journal/retention.h"

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace penstock::app {
namespace {

constexpr Nanoseconds kDrainBound = 20 * kSecond;
/// How soon a full disk shows at the front door.
constexpr Nanoseconds kLook = 100 * kMillisecond;

std::vector<journal::ExpectedSink> expected(const sinks::SinksConfig& config) {
    std::vector<journal::ExpectedSink> sinks;
    for (const auto& [id, settings] : config)
        sinks.push_back({id, settings->when_behind});
    return sinks;
}

}  // namespace

/// Everything that runs, in the order in which it is built.
struct Daemon::State {
    explicit State(Options given) : options(std::move(given)) {}

    Options options;
    Signals signals;
    ServiceManager manager;
    metrics::Registry registry;
    std::unique_ptr<journal::Journal> journal;
    std::unique_ptr<journal::QuarantineStore> quarantine;
    std::unique_ptr<journal::Retention> retention;
    std::unique_ptr<journal::IndexKeeper> indexes;
    std::unique_ptr<journal::JournalHistory> history;
    std::shared_ptr<const inspect::Inspector> inspector;
    std::mutex
        inspector_mutex;  // guards inspector, which requests of the shards ask for stream names
    std::unique_ptr<auth::Authenticator> authenticator;
    std::unique_ptr<ShardSet> shards;
    std::unique_ptr<ScoreKeeper> scores;
    DeclaredFields declared_fields;
    std::unique_ptr<SinkSet> sinks;
    std::unique_ptr<OrderDesk> orders;
    std::unique_ptr<ingest::Listeners> listeners;
    std::unique_ptr<api::Server> admin;
    std::unique_ptr<api::Sensors> sensors;
    std::uint64_t name_seed =
        (std::uint64_t{std::random_device{}()} << 32U) | std::random_device{}();
    bool journal_unusable = false;            // could not be opened for what its disk says
    std::atomic<bool> journal_failed{false};  // set by the commit thread, read by main
    std::atomic<bool> running{false};   // everything is built; set by main, read by the admin API
    std::atomic<bool> draining{false};  // set by main, read by the admin API
    std::atomic<std::uint64_t> generation{1};
    std::atomic<bool> reload_worked{true};
    std::vector<metrics::Registration> registrations;
    std::optional<Pulse> pulse;
    Nanoseconds next_sign_of_life = 0;

    Settings& settings() { return options.settings; }

    Status start();
    Status open_journal();
    Status open_inspection();
    Status open_sinks();
    Status open_listeners();
    void export_own_metrics();
    int watch();
    void feed_watchdog();
    void reload();
    Status apply(Settings fresh);
    void stop();
    [[nodiscard]] bool knows_stream(std::string_view name);
    [[nodiscard]] api::Readiness readiness() const;
};

Daemon::Daemon(Options options) : state_(std::make_unique<State>(std::move(options))) {}

Daemon::~Daemon() = default;

int Daemon::run() {
    auto& state = *state_;
    log::start();
    log::set_level(state.settings().log.level);
    fill_in_listeners(state.settings().listeners);
    log::info(
        "penstock starts", {{"version", kVersion}, {"data_dir", state.settings().data_dir.string()}}
    );
    state.manager.status("recovering the journal");
    if (const auto started = state.start(); !started.ok()) {
        log::error(
            "start failed",
            {{"code", name(started.error().code)}, {"reason", started.error().message}}
        );
        state.stop();
        log::stop();
        return state.journal_unusable ? kExitIo : kExitFailed;
    }
    log::info("penstock is ready");
    state.manager.ready("running");
    if (state.options.ready) state.options.ready(state.settings());
    const int code = state.watch();
    state.manager.stopping(code == kExitIo ? "the journal failed" : "draining");
    if (code == kExitIo) {
        // The journal cannot be trusted with another byte: nothing is drained, the supervisor
        // starts us anew (R2).
        log::stop();
        std::_Exit(code);
    }
    state.stop();
    log::info("penstock has stopped");
    log::stop();
    return code;
}

Status Daemon::State::start() {
    PS_CHECK(files::make_private_directory(settings().data_dir));
    export_own_metrics();
    // First of all, so that a node that recovers can be asked how it is.
    PS_TRY(
        admin,
        api::Server::start(
            settings().listeners.admin,
            {.readiness = [this] { return readiness(); },
             .status =
                 [this] {
                     return running ? status_json(*journal, registry, generation)
                                    : std::string("{}");
                 },
             .sinks =
                 [this] {
                     return running
                                ? sinks_json(sinks->health(), retention->backlogs(), *quarantine)
                                : std::string("[]");
                 }},
            system_clock(),
            registry
        )
    );
    PS_CHECK(open_journal());
    PS_CHECK(open_inspection());
    PS_CHECK(open_sinks());
    PS_CHECK(open_listeners());
    shards->start();
    admin->open(*history, journal->id());
    running = true;
    return {};
}

Status Daemon::State::open_journal() {
    auto opened = journal::Journal::open(
        {.directory = settings().data_dir / "journal",
         .config = settings().journal.writing,
         .shards = settings().shard_count(),
         .random = {}},
        posix_disk(),
        system_clock(),
        registry
    );
    if (!opened) {
        const auto code = opened.error().code;
        journal_unusable = code == Errc::io || code == Errc::corrupt;
        return std::move(opened).error();
    }
    journal = std::move(*opened);
    PS_TRY(
        quarantine,
        journal::QuarantineStore::open(
            settings().data_dir / "quarantine",
            journal->id(),
            settings().quarantine,
            posix_disk(),
            system_clock()
        )
    );
    quarantine->export_metrics(registry);
    retention = std::make_unique<journal::Retention>(
        journal::RetentionParts::of(*journal, settings().journal.writing),
        settings().journal.keeping,
        registry
    );
    retention->expect(expected(settings().sinks));
    const auto log_parts = journal::LogParts::of(*journal);
    indexes = std::make_unique<journal::IndexKeeper>(log_parts, registry);
    history = std::make_unique<journal::JournalHistory>(log_parts, *indexes);
    return {};
}

Status Daemon::State::open_inspection() {
    PS_TRY(auto made, inspect::Inspector::create(settings().inspect, name_seed));
    inspector = std::move(made);
    shards = std::make_unique<ShardSet>(
        settings().shard_count(),
        inspector,
        settings().inspect.score_state.memory.value,
        settings().gather_window.count(),
        *journal,
        registry
    );
    scores = std::make_unique<ScoreKeeper>(settings().data_dir / "score", *journal, *shards);
    PS_CHECK(scores->restore());
    retention->hold("scores", [this] { return scores->covered(); });
    journal->set_on_sealed([this](const journal::SegmentInfo&) { scores->request(); });
    journal->set_on_failed([this](const Error& error) {
        log::error(
            "the journal failed; nothing is acknowledged any more", {{"reason", error.message}}
        );
        journal_failed = true;
        signals.interrupt();
    });
    journal->start();
    indexes->start();
    scores->start();
    return {};
}

Status Daemon::State::open_sinks() {
    declared_fields.set(settings().inspect);
    sinks = std::make_unique<SinkSet>(
        *journal, *quarantine, settings().data_dir, registry, declared_fields.catalog()
    );
    PS_CHECK(sinks->start(settings().sinks));
    orders = std::make_unique<OrderDesk>(OrderParts{
        *journal,
        *quarantine,
        *retention,
        settings().data_dir,
        registry,
        declared_fields.catalog(),
        [this](const std::string& id) { return sinks->health(id); }
    });
    retention->start();
    orders->tend(settings().sinks);
    sensors = std::make_unique<api::Sensors>(*history, system_clock(), registry);
    sensors->use(settings().sensor_metrics);
    return {};
}

Status Daemon::State::open_listeners() {
    PS_TRY(authenticator, auth::Authenticator::open(settings().auth, system_clock(), registry));
    PS_TRY(
        listeners,
        open_device_listeners(
            settings().listeners,
            shards->count(),
            *authenticator,
            [this](std::string_view stream) { return knows_stream(stream); },
            system_clock(),
            registry
        )
    );
    shards->listen(*listeners);
    return {};
}

void Daemon::State::export_own_metrics() {
    log::export_metrics(registry);
    metrics::export_process_metrics(registry);
    metrics::export_build_info(registry, kVersion, kCommit);
    registrations.push_back(registry.gauge_fn(
        "penstock_config_generation",
        "Settings applied since the start, the first included.",
        {},
        [this] { return static_cast<double>(generation.load()); }
    ));
    registrations.push_back(registry.gauge_fn(
        "penstock_config_last_reload_success",
        "1 when the last reload, or the start, was taken.",
        {},
        [this] { return reload_worked.load() ? 1.0 : 0.0; }
    ));
}

bool Daemon::State::knows_stream(std::string_view stream) {
    std::shared_ptr<const inspect::Inspector> current;
    {
        const std::lock_guard lock(inspector_mutex);
        current = inspector;
    }
    for (const auto& known : current->streams()) {
        if (known.name == stream) return true;
    }
    return false;
}

api::Readiness Daemon::State::readiness() const {
    if (!running) return not_ready_yet();
    return readiness_of(journal->state(), sinks->health(), draining);
}

int Daemon::State::watch() {
    bool full = false;
    while (true) {
        const auto event = signals.wait(kLook);
        if (journal_failed) return kExitIo;
        if (event == Signals::Event::stop) return kExitOk;
        if (event == Signals::Event::reload) {
            manager.reloading(system_clock().monotonic());
            reload();
            manager.ready(reload_worked ? "running" : "running; the last reload was refused");
        }
        feed_watchdog();
        orders->tend(settings().sinks);
        if (const bool now = journal->full(); now != full) {
            full = now;
            shards->close_intake(full);
            log::warn(
                full ? "the disk is full: nothing is taken until space returns"
                     : "space has returned"
            );
        }
    }
}

/// Only the shards' own progress counts: that this thread runs says nothing about them. The commit
/// thread is left out on purpose: a disk that blocks for long is reported by /ready and metrics,
/// and a restart would not free it.
void Daemon::State::feed_watchdog() {
    const auto every = manager.alive_every();
    const auto now = system_clock().monotonic();
    if (!every || now < next_sign_of_life) return;
    if (!pulse) pulse.emplace(*shards);
    if (!pulse->beat()) return;
    manager.alive();
    next_sign_of_life = now + *every;
}

void Daemon::State::reload() {
    if (!options.reload) {
        log::warn("nothing to reload: the settings are embedded");
        return;
    }
    auto fresh = options.reload();
    if (!fresh) {
        reload_worked = false;
        log::error("reload refused: the old settings stay", {{"reason", "the new ones are wrong"}});
        return;
    }
    fill_in_listeners(fresh->listeners);
    if (const auto applied = apply(std::move(*fresh)); !applied.ok()) {
        reload_worked = false;
        log::error("reload refused: the old settings stay", {{"reason", applied.error().message}});
        return;
    }
    reload_worked = true;
    ++generation;
    log::info("settings reloaded", {{"generation", generation.load()}});
}

Status Daemon::State::apply(Settings fresh) {
    PS_TRY(
        std::shared_ptr<const inspect::Inspector> made,
        inspect::Inspector::create(fresh.inspect, name_seed)
    );
    PS_CHECK(authenticator->reload(fresh.auth));
    retention->expect(expected(fresh.sinks));
    declared_fields.set(fresh.inspect);
    if (auto replaced = sinks->replace(fresh.sinks); !replaced.ok()) {
        retention->expect(expected(settings().sinks));
        declared_fields.set(settings().inspect);
        if (const auto back = authenticator->reload(settings().auth); !back.ok()) {
            log::warn(
                "credentials stay as the new settings have them", {{"reason", back.error().message}}
            );
        }
        return replaced;
    }
    if (const auto certificates = listeners->reload(); !certificates.ok()) {
        log::warn("certificates kept", {{"reason", certificates.error().message}});
    }
    {
        const std::lock_guard lock(inspector_mutex);
        inspector = made;
    }
    shards->use(made);
    retention->set(fresh.journal.keeping);
    sensors->use(fresh.sensor_metrics);
    log::set_level(fresh.log.level);
    const auto changed = [](const config::Origin& a, const config::Origin& b) {
        return a.text() != b.text();
    };
    if (fresh.data_dir != settings().data_dir || fresh.shard_count() != settings().shard_count() ||
        changed(fresh.listeners.origin, settings().listeners.origin)) {
        log::warn("data_dir, shards and listeners change with a restart only");
    }
    options.settings = std::move(fresh);
    return {};
}

void Daemon::State::stop() {
    draining = true;
    if (shards != nullptr) {
        shards->close_intake(true);
        if (scores != nullptr) scores->finish();
        if (!shards->drain(kDrainBound))
            log::warn("some connections were cut off before they were answered");
    }
    if (authenticator != nullptr) authenticator->stop();
    if (orders != nullptr) orders->stop();
    if (retention != nullptr) retention->stop();
    if (sinks != nullptr) sinks->stop();
    admin.reset();
    sensors.reset();
    if (journal != nullptr) {
        if (const auto closed = journal->close(); !closed.ok()) {
            log::error("the journal was not closed cleanly", {{"reason", closed.error().message}});
        }
    }
    if (indexes != nullptr) indexes->stop();
    // Connections give their places back to the listeners: they go first.
    scores.reset();
    shards.reset();
    listeners.reset();
}

}  // namespace penstock::app
