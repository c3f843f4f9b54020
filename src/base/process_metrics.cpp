#include "base/files.h"
#include "base/metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>

namespace penstock::metrics {

namespace {

/// The fields of /proc/self/stat that follow the command name. Source: proc(5).
struct ProcessStat {
    double cpu_seconds = 0;
    double threads = 0;
    double start_ticks = 0;  // after boot
    double virtual_bytes = 0;
    double resident_bytes = 0;
};

ProcessStat read_stat() {
    ProcessStat stat;
    const auto text = files::read("/proc/self/stat", 4096);
    if (!text.ok()) return stat;
    // The command name is in parentheses and may hold anything: what counts is behind the last one.
    const std::size_t name_end = text->rfind(')');
    if (name_end == std::string::npos) return stat;
    std::array<double, 22> fields{};  // field 3 (state) is at 0
    std::size_t at = name_end + 4;    // blank, state, blank
    for (std::size_t i = 1; i < fields.size() && at < text->size(); ++i) {
        const std::size_t end = std::min(text->find(' ', at), text->size());
        fields[i] = std::strtod(text->substr(at, end - at).c_str(), nullptr);
        at = end + 1;
    }
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    stat.cpu_seconds = (fields[11] + fields[12]) / ticks;
    stat.threads = fields[17];
    stat.start_ticks = fields[19];
    stat.virtual_bytes = fields[20];
    stat.resident_bytes = fields[21] * static_cast<double>(::sysconf(_SC_PAGESIZE));
    return stat;
}

double boot_time() {
    const auto text = files::read("/proc/stat", std::size_t{1} << 20);
    if (!text.ok()) return 0;
    const std::size_t at = text->find("\nbtime ");
    return at == std::string::npos ? 0 : std::strtod(text->c_str() + at + 7, nullptr);
}

double open_descriptors() {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), ::closedir);
    if (!folder) return 0;
    double count = 0;
    while (const dirent* entry = ::readdir(folder.get())) {  // NOLINT(concurrency-mt-unsafe)
        if (entry->d_name[0] != '.') ++count;
    }
    return count - 1;  // the one that lists
}

double descriptor_limit() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

}  // namespace

void export_process_metrics(Registry& registry) {
    const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const double started = boot_time() + read_stat().start_ticks / ticks;
    registry.export_counter("process_cpu_seconds_total", "User and system CPU time spent.", {}, [] {
        return read_stat().cpu_seconds;
    });
    registry.export_gauge("process_resident_memory_bytes", "Resident memory.", {}, [] {
        return read_stat().resident_bytes;
    });
    registry.export_gauge("process_virtual_memory_bytes", "Virtual memory.", {}, [] {
        return read_stat().virtual_bytes;
    });
    registry.export_gauge("process_threads", "Threads.", {}, [] { return read_stat().threads; });
    registry.export_gauge("process_open_fds", "Open file descriptors.", {}, open_descriptors);
    registry.export_gauge(
        "process_max_fds", "Limit of open file descriptors.", {}, descriptor_limit
    );
    registry.export_gauge(
        "process_start_time_seconds",
        "Start of the process, since 1970 (UTC).",
        {},
        [started] { return started; }
    );
}

void export_build_info(Registry& registry, std::string_view version, std::string_view commit) {
    registry.export_gauge(
        "penstock_build_info",
        "1; the labels say what is running.",
        {{"version", std::string(version)},
         {"commit", std::string(commit)},
         {"compiler", __VERSION__}},
        [] { return 1.0; }
    );
}

}  // namespace penstock::metrics
