/// Preloaded into a process, sets its wall clock: the offset in seconds stands as text in the file
/// that $PENSTOCK_CLOCK_FILE names, and is read again every time. The monotonic clock stays what it
/// is.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace {

using ClockGettime = int (*)(clockid_t, timespec*);

ClockGettime real_clock_gettime() {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): what dlsym() gives.
    static const auto real = reinterpret_cast<ClockGettime>(::dlsym(RTLD_NEXT, "clock_gettime"));
    return real;
}

long offset_seconds() {
    static const char* const path =
        std::getenv("PENSTOCK_CLOCK_FILE");  // NOLINT(concurrency-mt-unsafe)
    if (path == nullptr) return 0;
    const int before = errno;
    std::array<char, 32> text{};
    ssize_t got = -1;
    if (const int fd = ::open(path, O_RDONLY | O_CLOEXEC); fd >= 0) {
        got = ::read(fd, text.data(), text.size() - 1);
        ::close(fd);
    }
    errno = before;
    return got > 0 ? std::strtol(text.data(), nullptr, 10) : 0;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) {
    const int result = real_clock_gettime()(clock, now);
    const bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (result == 0 && wall) now->tv_sec += offset_seconds();
    return result;
}

time_t time(time_t* out) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != nullptr) *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(timeval* out, void*) {
    timespec now{};
    const int result = clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return result;
}

}  // extern "C"
