#include "app/doctor/doctor.h"

#include "app/cli.h"
#include "app/device_listeners.h"
#include "app/doctor/checks.h"
#include "base/log.h"
#include "base/posix_disk.h"
#include "journal/format.h"

#include <array>
#include <iostream>
#include <string_view>

namespace penstock::app {
namespace {

using doctor::Chart;
using doctor::Subject;

struct Check {
    std::string_view name;
    void (*look)(const Subject&, Chart&);
};

constexpr std::array kChecks{
    Check{"directory", doctor::check_directory},
    Check{"writes", doctor::check_writes},
    Check{"descriptors", doctor::check_descriptors},
    Check{"memory", doctor::check_memory},
    Check{"clock", doctor::check_clock},
    Check{"secrets", doctor::check_secrets},
    Check{"certificates", doctor::check_certificates},
    Check{"listeners", doctor::check_listeners},
    Check{"sinks", doctor::check_sinks},
};

/// A node holds the journal's lock for as long as it runs.
bool node_runs(Disk& disk, const std::filesystem::path& data_dir) {
    const auto journal = data_dir / "journal";
    std::error_code none;
    if (!std::filesystem::exists(journal / journal::kLockName, none)) return false;
    const auto lock = disk.lock(journal / journal::kLockName);
    return !lock && lock.error().code == Errc::conflict;
}

}  // namespace

int run_doctor(const DoctorOptions& options) {
    log::set_level(log::Level::error);  // what parts say while they are tried is not the answer
    Chart chart;
    chart.turn_to("settings");
    auto settings = doctor::check_settings(options.config, chart);
    if (settings) {
        fill_in_listeners(settings->listeners);
        const bool running = node_runs(posix_disk(), settings->data_dir);
        const Subject subject{*settings, posix_disk(), system_clock(), running};
        for (const Check& check : kChecks) {
            chart.turn_to(check.name);
            check.look(subject, chart);
        }
    }
    std::cout << (options.json ? json_of(chart) : text_of(chart));
    return chart.any_bad() ? kExitFailed : kExitOk;
}

}  // namespace penstock::app
