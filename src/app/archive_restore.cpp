#include "app/archive_command.h"
#include "app/cli.h"
#include "base/files.h"
#include "base/iso_time.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/posix_disk.h"
#include "sinks/archive/archive_listing.h"
#include "sinks/archive/archive_reader.h"
#include "sinks/archive/object_name.h"
#include "sinks/range_reader.h"
#include "sinks/registry.h"
#include "sinks/runner.h"
#include "sinks/where.h"

#include <fmt/format.h>

#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stop_token>
#include <string_view>
#include <utility>

namespace penstock::app {

namespace {

constexpr Nanoseconds kLook = 100 * kMillisecond;
constexpr Nanoseconds kSayEvery = 2 * kSecond;

int fail(std::string_view message, int code = kExitFailed) {
    std::cerr << "penstock: " << message << '\n';
    return code;
}

/// A restore begins where it is told to, every time: its cursor lives as long as it does.
class PassingCursor final : public sinks::CursorFile {
public:
    explicit PassingCursor(Lsn start) : balance_{start, {}} {}
    [[nodiscard]] Result<std::optional<Lsn>> load() override {
        return std::optional(balance_.base);
    }
    [[nodiscard]] sinks::Balance balance() const override { return balance_; }
    [[nodiscard]] Status save(sinks::SafePoint, const sinks::Balance&) override { return {}; }

private:
    sinks::Balance balance_;
};

/// What the far side refuses is said and counted: the archive still has it.
class OnlySaid final : public sinks::RefusedStore {
public:
    [[nodiscard]] Status keep(std::span<const sinks::RefusedCopy> copies) override {
        for (const auto& copy : copies)
            log::warn("refused in a restore", {{"lsn", copy.lsn.value}, {"reason", copy.reason}});
        return {};
    }
};

using Entries = std::vector<sinks::ManifestEntry>;

/// What one restore works with.
struct Restore {
    const Settings& settings;
    const sinks::ArchiveConfig& archive;
    const config::Variant<sinks::SinkConfig>& target;
    const RestoreOptions& options;
    sinks::RestoreScope scope;

    [[nodiscard]] std::filesystem::path state_dir() const {
        return settings.data_dir / "sinks" / options.to / "restore";
    }
    [[nodiscard]] std::unique_ptr<LogReader> reader(const Entries& objects) const {
        return std::make_unique<sinks::ArchiveReader>(
            sinks::make_object_reader(archive, system_clock()), objects, scope
        );
    }
};

Result<sinks::RunnerParts> parts_of(
    const Restore& restore,
    const JournalId& journal,
    const Entries& objects,
    metrics::Registry& registry
) {
    PS_CHECK(files::make_private_directory(restore.state_dir()));
    sinks::SinkContext context;
    context.id = restore.options.to;
    context.journal = journal;
    context.state_dir = restore.state_dir();
    context.seed = std::random_device{}();
    context.metrics = &registry;
    context.replay = true;
    sinks::RunnerParts parts;
    PS_TRY(parts.sink, sinks::make_sink(restore.target, context));
    PS_TRY(auto where, sinks::Where::parse(restore.options.where));
    parts.id = restore.options.to + "/restore";
    parts.type = restore.target.type();
    parts.settings = *restore.target;
    parts.only = {restore.options.device, std::move(where)};
    parts.reader = restore.reader(objects);
    parts.open_reader = [restore, objects] { return restore.reader(objects); };
    parts.cursor = std::make_unique<PassingCursor>(Lsn{objects.front().range.first.value - 1});
    parts.refused = std::make_unique<OnlySaid>();
    parts.metrics = &registry;
    parts.seed = std::random_device{}();
    return parts;
}

std::string progress(const sinks::Tally& tally) {
    return fmt::format(
        "{} delivered, {} passed over by the sink's settings or the choice, {} refused",
        tally.confirmed,
        tally.filtered,
        tally.refused
    );
}

/// Everything of one journal.
int deliver(const Restore& restore, const JournalId& journal, const Entries& objects) {
    metrics::Registry registry;
    auto parts = parts_of(restore, journal, objects, registry);
    if (!parts.ok()) return fail(parts.error().message);
    const Lsn last = parts->reader->durable();
    std::cout << fmt::format("journal {}: {} objects\n", journal.text(), objects.size());
    sinks::RunnerThread runner(*std::move(parts));
    runner.start();
    Nanoseconds said_at = system_clock().monotonic();
    sinks::SinkHealth health = runner.health();
    const std::stop_token never;
    while (health.balance.cursor() < last && health.state != sinks::SinkState::alarm) {
        sinks::rest(kLook, never);
        health = runner.health();
        if (system_clock().monotonic() - said_at < kSayEvery) continue;
        said_at = system_clock().monotonic();
        std::cout << progress(health.balance.tally) << std::endl;
        if (health.state == sinks::SinkState::backing_off) std::cerr << health.last_error << '\n';
    }
    static_cast<void>(runner.stop(std::chrono::nanoseconds(kSinkStopBound + kSecond)));
    std::cout << progress(health.balance.tally) << '\n';
    if (health.balance.cursor() < last) return fail(health.last_error);
    return health.balance.tally.refused == 0 ? kExitOk : fail("the far side refused records");
}

Result<sinks::RestoreScope> scope_of(const RestoreOptions& options) {
    sinks::RestoreScope scope;
    scope.stream = options.stream;
    for (const auto& [text, time] :
         {std::pair(&options.from, &scope.from), std::pair(&options.until, &scope.until)}) {
        if (text->empty()) continue;
        const auto parsed = parse_iso_time(*text);
        if (!parsed) return Error{Errc::invalid_argument, '\'' + *text + "' is no time"};
        *time = *parsed;
    }
    return scope;
}

int run(const Restore& restore) {
    const auto store = sinks::make_object_reader(restore.archive, system_clock());
    const std::string prefix =
        restore.archive.s3 ? sinks::with_slash(restore.archive.s3->prefix) : std::string();
    const auto& from = restore.options.archive;
    const auto listing =
        sinks::list_archive(*store, {prefix, from, restore.settings.data_dir / "sinks" / from, 0});
    if (!listing.ok()) return fail(listing.error().message);
    for (const std::string& problem : listing->problems)
        std::cerr << problem << '\n';
    if (!listing->problems.empty())
        return fail("the archive is not whole: `penstock archive verify` says all that is wrong");
    const auto objects = sinks::objects_in_scope(listing->manifests, restore.scope);
    if (!objects.ok()) return fail(objects.error().message);
    if (objects->empty()) return fail("no object of archive '" + from + "' is in that range");
    std::map<std::string, JournalId> journals;
    for (const auto& found : listing->manifests)
        journals.emplace(found.manifest.journal.text(), found.manifest.journal);
    for (const auto& [journal, entries] : *objects) {
        if (const int code = deliver(restore, journals.at(journal), entries); code != kExitOk)
            return code;
    }
    return kExitOk;
}

}  // namespace

int restore_archive(const RestoreOptions& options) {
    const auto scope = scope_of(options);
    if (!scope.ok()) return fail(scope.error().message, kExitUsage);
    if (const auto where = sinks::Where::parse(options.where); !where)
        return fail("--where: " + where.error().message, kExitUsage);
    config::Problems problems;
    const auto settings = load_settings(options.config, problems);
    std::cerr << problems.text();
    if (!settings) return kExitConfig;
    log::set_level(log::Level::warn);
    const auto* source = settings->sinks.find(options.archive);
    const auto* archive = source == nullptr ? nullptr : source->as<sinks::ArchiveConfig>();
    if (archive == nullptr)
        return fail("the settings name no archive '" + options.archive + "'", kExitUsage);
    const auto* target = settings->sinks.find(options.to);
    if (target == nullptr || options.to == options.archive)
        return fail("the settings name no other sink '" + options.to + "'", kExitUsage);
    // A sink that may not have a second one beside it is for us alone meanwhile.
    std::unique_ptr<DiskLock> lock;
    if (const auto alone = sinks::why_alone(*target); !alone.empty()) {
        auto locked = posix_disk().lock(settings->data_dir / "journal" / "lock");
        if (!locked.ok() && locked.error().code == Errc::conflict)
            return fail(fmt::format(
                "stop the daemon first: sink '{}' ({}) cannot have a second delivery beside its "
                "own: {}",
                options.to,
                target->type(),
                alone
            ));
        if (locked.ok()) lock = *std::move(locked);
    }
    const Restore restore{*settings, *archive, *target, options, *scope};
    const int code = run(restore);
    std::error_code ignored;
    std::filesystem::remove_all(restore.state_dir(), ignored);
    return code;
}

}  // namespace penstock::app
