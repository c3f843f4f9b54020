#include "app/doctor/checks.h"
#include "base/files.h"
#include "base/text.h"
#include "config/units.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/timex.h>

#include <algorithm>
#include <optional>

/// What the machine gives a process: descriptors, memory, the time.
namespace penstock::app::doctor {
namespace {

/// Sinks, segments, files of the journal.
constexpr std::uint64_t kOwnDescriptors = 512;
/// No clock of a machine that runs this was ever before.
constexpr Nanoseconds kBuilt = 1'767'225'600 * kSecond;  // 2026-01-01

template <class Listener>
std::uint64_t connections_of(const std::optional<Listener>& listener) {
    return listener ? listener->limits.connections : 0;
}

/// The number behind `key` in a file of lines `key number unit`, times `unit`.
std::optional<std::uint64_t> number_in(const char* file, std::string_view key, std::uint64_t unit) {
    const auto text = files::read(file, 64 * 1024);
    if (!text) return std::nullopt;
    const std::size_t at = text->find(key);
    if (at == std::string::npos) return std::nullopt;
    const std::size_t begin = text->find_first_of("0123456789", at + key.size());
    if (begin == std::string::npos) return std::nullopt;
    const std::size_t end = text->find_first_not_of("0123456789", begin);
    const auto number = text::parse_uint(text->substr(begin, end - begin));
    return number ? std::optional(*number * unit) : std::nullopt;
}

}  // namespace

void check_descriptors(const Subject& subject, Chart& chart) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const auto& listeners = subject.settings.listeners;
    const std::uint64_t connections =
        connections_of(listeners.mqtt) + connections_of(listeners.mqtts) +
        connections_of(listeners.http) + connections_of(listeners.https);
    const std::uint64_t wanted = connections + kOwnDescriptors;
    const std::string what = fmt::format(
        "{} file descriptors for up to {} connections", std::uint64_t{limit.rlim_cur}, connections
    );
    const std::string remedy = fmt::format(
        "Set LimitNOFILE={} in the unit (or ulimit -n), or lower limits.connections of the "
        "listeners.",
        wanted
    );
    if (limit.rlim_cur < 2 * kOwnDescriptors) {
        chart.bad(what, remedy);
    } else if (limit.rlim_cur < wanted) {
        chart.warn(what, remedy);
    } else {
        chart.good(what);
    }
}

void check_memory(const Subject& subject, Chart& chart) {
    auto memory = number_in("/proc/meminfo", "MemTotal:", 1024);
    if (!memory) {
        chart.unknown("/proc/meminfo cannot be read", "Mount /proc for this process.");
        return;
    }
    if (const auto group = number_in("/sys/fs/cgroup/memory.max", "", 1))
        memory = std::min(*memory, *group);
    const auto limit = subject.settings.memory_limit;
    const std::string what = fmt::format(
        "memory_limit {} of {} MiB that there are", config::print(limit), *memory >> 20U
    );
    const std::string remedy = "Lower memory_limit, or give the machine or container more memory.";
    if (limit.value > *memory) {
        chart.bad(what, remedy);
    } else if (limit.value > *memory / 4 * 3) {
        chart.warn(what, remedy);
    } else {
        chart.good(what);
    }
}

void check_clock(const Subject& subject, Chart& chart) {
    if (subject.clock.wall() < kBuilt) {
        chart.bad(
            "the clock stands before the year in which this program was written",
            "Set the clock, and run chrony or systemd-timesyncd."
        );
        return;
    }
    timex state{};
    const int answer = ::adjtimex(&state);
    if (answer < 0) {
        chart.unknown(
            "the kernel does not say how the clock is", "Run chrony or systemd-timesyncd."
        );
    } else if (answer == TIME_ERROR || (static_cast<unsigned>(state.status) & STA_UNSYNC) != 0) {
        chart.warn(
            "the clock is not synchronised",
            "Run chrony or systemd-timesyncd: records without a time of their own get that of this "
            "clock."
        );
    } else {
        chart.good(fmt::format(
            "synchronised, within {:.1f} ms", static_cast<double>(state.maxerror) / 1000
        ));
    }
}

}  // namespace penstock::app::doctor
