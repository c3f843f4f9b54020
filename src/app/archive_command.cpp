#include "app/archive_command.h"

#include "app/cli.h"
#include "base/iso_time.h"
#include "base/posix_disk.h"
#include "journal/catalog.h"
#include "journal/cursor.h"
#include "sinks/archive/verify.h"

#include <iostream>
#include <optional>
#include <string_view>

namespace penstock::app {

namespace {

int usage(std::string_view message) {
    std::cerr << "penstock: " << message << '\n';
    return kExitUsage;
}

std::optional<Settings> settings_of(const ConfigFiles& files) {
    config::Problems problems;
    auto settings = load_settings(files, problems);
    std::cerr << problems.text();
    return settings;
}

/// The ledger of a sink, where there is a journal.
std::optional<sinks::ArchiveLedger> ledger_of(const Settings& settings, const std::string& sink) {
    const auto folder = settings.data_dir / "journal";
    const auto catalog = journal::read_catalog(posix_disk(), folder);
    if (!catalog.ok()) return std::nullopt;
    const auto cursors =
        journal::CursorStore::list(posix_disk(), folder / journal::kCursorFolder, catalog->journal);
    if (!cursors.ok()) return std::nullopt;
    for (const auto& cursor : *cursors) {
        if (cursor.sink == sink && cursor.problem.empty())
            return sinks::ArchiveLedger{
                catalog->journal, sinks::balance_at(cursor.lsn, cursor.state)
            };
    }
    return std::nullopt;
}

}  // namespace

int verify_archives(const ArchiveOptions& options) {
    const auto since = options.since.empty() ? 0 : parse_iso_time(options.since);
    if (!since) return usage("--since: '" + options.since + "' is no time");
    const auto settings = settings_of(options.config);
    if (!settings) return kExitConfig;
    int code = kExitOk;
    bool any = false;
    for (const auto& [id, sink] : settings->sinks) {
        const auto* archive = sink.as<sinks::ArchiveConfig>();
        if (archive == nullptr || (!options.sink.empty() && options.sink != id)) continue;
        any = true;
        std::cout << "sink " << id << ":\n";
        const auto findings = sinks::verify_archive(
            {*archive,
             id,
             settings->data_dir / "sinks" / id,
             ledger_of(*settings, id),
             *since,
             options.deep},
            system_clock(),
            std::cout
        );
        if (!findings.ok()) std::cerr << "penstock: " << findings.error().message << '\n';
        if (!findings.ok() || *findings > 0) code = kExitFailed;
    }
    if (any) return code;
    return usage(
        "the settings name no archive" +
        (options.sink.empty() ? std::string() : " '" + options.sink + "'")
    );
}

}  // namespace penstock::app
