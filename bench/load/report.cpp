#include "report.h"

#include <sys/resource.h>

#include <cstdio>

namespace load {

double cpu_seconds() {
    rusage u{};
    ::getrusage(RUSAGE_SELF, &u);
    return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

void print_connected(std::size_t connected, long lost, long turned_away, const Histogram& connect) {
    std::printf(
        "{\"connected\":%zu,\"lost\":%ld,\"turned_away\":%ld,\"p50_us\":%ld,\"p99_us\":%ld,"
        "\"max_us\":%ld,\"generator_cpu\":%.3f}\n",
        connected,
        lost,
        turned_away,
        connect.quantile(0.5),
        connect.quantile(0.99),
        connect.max(),
        cpu_seconds()
    );
    std::fflush(stdout);
}

void print_result(const Result& result) {
    const double cpu_us =
        result.acked == 0 ? 0.0 : result.cpu_seconds * 1e6 / static_cast<double>(result.acked);
    std::printf(
        "{\"sent\":%ld,\"acked\":%ld,\"refused\":%ld,\"never_sent\":%ld,\"seconds\":%.3f,"
        "\"per_second\":%.0f,\"generator_us\":%.3f,\"lost_connections\":%ld,\"turned_away\":%ld,"
        "\"connect_p99_us\":%ld,"
        "\"p50_us\":%ld,\"p90_us\":%ld,\"p99_us\":%ld,\"p999_us\":%ld,\"max_us\":%ld}\n",
        result.sent,
        result.acked,
        result.refused,
        result.never_sent,
        result.seconds,
        static_cast<double>(result.acked) / result.seconds,
        cpu_us,
        result.lost,
        result.turned_away,
        result.connect.quantile(0.99),
        result.latency.quantile(0.5),
        result.latency.quantile(0.9),
        result.latency.quantile(0.99),
        result.latency.quantile(0.999),
        result.latency.max()
    );
    std::fflush(stdout);
}

}  // namespace load
