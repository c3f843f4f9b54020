#include "app/doctor/checks.h"
#include "app/release.h"
#include "app/version.h"
#include "config/field.h"

#include <fmt/format.h>

namespace penstock::app::doctor {
namespace {

constexpr std::size_t kShownMax = 20;

/// The version that the files say they were written for; "" when none does.
std::string written_for(const ConfigFiles& files) {
    config::Problems ignored;
    auto texts = config::read_settings_files(files, ignored);
    if (!texts) return {};
    const auto document =
        config::parse_yaml(std::move(*texts), config::process_environment(), ignored);
    const auto* const entry = document ? document->root()->find("for_version") : nullptr;
    return entry ? entry->value->text : std::string();
}

/// True when the settings are for a newer program: unknown keys then say nothing new.
bool check_version(const ConfigFiles& files, Chart& chart) {
    const std::string wanted = written_for(files);
    const auto release = parse_release(wanted);
    if (!release || *release <= this_release()) return false;
    chart.bad(
        fmt::format("the settings are for Penstock {}, this is {}", wanted, kVersion),
        fmt::format("Install Penstock {} or newer, or take the settings of {}.", wanted, kVersion)
    );
    return true;
}

}  // namespace

std::optional<Settings> check_settings(const ConfigFiles& files, Chart& chart) {
    const bool newer = check_version(files, chart);
    config::Problems problems;
    auto settings = load_settings(files, problems);
    if (settings) {
        chart.good(fmt::format(
            "{}: {} streams, {} sinks",
            names_of(files),
            settings->inspect.streams.size(),
            settings->sinks.size()
        ));
        return settings;
    }
    std::size_t shown = 0;
    for (const auto& problem : problems.sorted()) {
        if (newer || ++shown > kShownMax) break;
        chart.bad(
            problem.text(), "Mend that line; `penstock config explain KEY` says what a key takes."
        );
    }
    chart.unknown("the rest was not looked at", "Ask again when the settings can be read.");
    return std::nullopt;
}

}  // namespace penstock::app::doctor
