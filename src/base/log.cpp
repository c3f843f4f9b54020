#include "base/log.h"

#include "base/iso_time.h"
#include "base/json_text.h"
#include "base/log_ring.h"
#include "base/metrics.h"
#include "base/text.h"
#include "penstock/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <utility>

namespace penstock::log {

namespace {

constexpr std::size_t kFieldsMax = 32;
constexpr std::size_t kKeyBytesMax = 64;
constexpr std::size_t kTextBytesMax = 2048;
constexpr std::size_t kRateSlots = 512;  // a power of two
constexpr std::size_t kWriteBytesMax =
    4096;  // what a pipe reported writable takes without blocking (PIPE_BUF)
constexpr int kPollMs = 50;

// ---- a line -------------------------------------------------------------------------------------

void append_value(std::string& out, const Value& value) {
    std::visit(
        [&out](auto v) {
            using T = decltype(v);
            if constexpr (std::same_as<T, bool>) {
                out += v ? "true" : "false";
            } else if constexpr (std::same_as<T, std::string_view>) {
                text::append_log_string(out, v, kTextBytesMax);
            } else {
                append_json_number(v, out);
            }
        },
        value.any()
    );
}

void append_pair(std::string& out, std::string_view key, const Value& value) {
    out += ',';
    text::append_log_string(out, key, kKeyBytesMax);
    out += ':';
    append_value(out, value);
}

void append_line(
    std::string& out, Level level, std::string_view msg, Fields fields, std::uint64_t suppressed
) {
    out += "{\"time\":\"";
    append_iso_time(system_clock().wall() / kMillisecond * kMillisecond, out);
    out += "\",\"level\":\"";
    out += name(level);
    out += "\",\"msg\":";
    text::append_log_string(out, msg, kTextBytesMax);
    std::size_t count = 0;
    for (const Field& field : fields) {
        if (++count > kFieldsMax) break;
        append_pair(out, field.key, field.value);
    }
    if (suppressed > 0) append_pair(out, "suppressed", suppressed);
    out += "}\n";
}

// ---- rate limit ---------------------------------------------------------------------------------

/// Counts lines per message and second. A message beyond the 512th shares the slot of another one
/// (and then its rate).
class RateLimit {
public:
    /// True when a line may pass; `suppressed` is then how many were held back since the last that
    /// did.
    bool pass(std::string_view msg, unsigned burst, std::uint64_t& suppressed) noexcept {
        suppressed = 0;
        if (burst == 0) return true;
        Slot& slot = slots_[std::hash<std::string_view>{}(msg) & (kRateSlots - 1)];
        const std::int64_t second = system_clock().monotonic() / kSecond;
        std::int64_t seen = slot.second.load(std::memory_order_relaxed);
        if (seen != second &&
            slot.second.compare_exchange_strong(seen, second, std::memory_order_relaxed)) {
            slot.count.store(0, std::memory_order_relaxed);
        }
        if (slot.count.fetch_add(1, std::memory_order_relaxed) >= burst) {
            slot.suppressed.fetch_add(1, std::memory_order_relaxed);
            return false;
        }
        if (slot.suppressed.load(std::memory_order_relaxed) > 0) {
            suppressed = slot.suppressed.exchange(0, std::memory_order_relaxed);
        }
        return true;
    }

    void reset() noexcept {
        for (Slot& slot : slots_) {
            slot.second.store(-1, std::memory_order_relaxed);
            slot.count.store(0, std::memory_order_relaxed);
            slot.suppressed.store(0, std::memory_order_relaxed);
        }
    }

private:
    // All relaxed: a race lets a line more or less pass, which is harmless.
    struct Slot {
        std::atomic<std::int64_t> second{-1};
        std::atomic<std::uint32_t> count{0};
        std::atomic<std::uint64_t> suppressed{0};
    };
    std::array<Slot, kRateSlots> slots_;
};

// ---- the logger ---------------------------------------------------------------------------------

/// The one log sink of the process. Lives for ever: threads may log while the process exits.
class Logger {
public:
    void start(const Options& options) {
        const std::lock_guard lock(life_);
        fd_.store(options.fd, std::memory_order_relaxed);
        burst_.store(options.burst_per_second, std::memory_order_relaxed);
        exit_wait_ = options.exit_wait;
        rates_.reset();
        if (writer_.joinable()) return;
        stop_.store(false, std::memory_order_relaxed);
        writer_ = std::thread([this] { run(); });
        running_.store(true, std::memory_order_release);
        static const bool registered = std::atexit([] { log::stop(); }) == 0;
        static_cast<void>(registered);
    }

    void stop() noexcept {
        const std::lock_guard lock(life_);
        if (!writer_.joinable()) return;
        flush(exit_wait_);
        running_.store(false, std::memory_order_release);
        stop_.store(true, std::memory_order_release);
        wake();
        writer_.join();
        // What a thread pushed between the flush and here.
        std::string rest;
        while (ring_.pop(rest))
            count_done(1);
        if (!rest.empty()) write_now(rest);
    }

    void write(Level level, std::string_view msg, Fields fields) {
        std::uint64_t suppressed = 0;
        if (!rates_.pass(msg, burst_.load(std::memory_order_relaxed), suppressed)) {
            suppressed_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        lines_[static_cast<std::size_t>(level)].fetch_add(1, std::memory_order_relaxed);
        const auto fill = [&](std::string& out) {
            append_line(out, level, msg, fields, suppressed);
        };
        if (!running_.load(std::memory_order_acquire)) {
            std::string line;
            fill(line);
            write_now(line);
            return;
        }
        if (ring_.push(fill)) {
            wake();
        } else {
            dropped_.fetch_add(1, std::memory_order_relaxed);
        }
    }

    bool flush(std::chrono::milliseconds wait) noexcept {
        const std::uint64_t target = ring_.pushed();
        const auto deadline = std::chrono::steady_clock::now() + wait;
        while (done_.load(std::memory_order_acquire) < target) {
            if (std::chrono::steady_clock::now() >= deadline) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return true;
    }

    void count_lost() noexcept { dropped_.fetch_add(1, std::memory_order_relaxed); }

    [[nodiscard]] Stats stats() const noexcept {
        return {
            .written = written_.load(std::memory_order_relaxed),
            .dropped = dropped_.load(std::memory_order_relaxed),
            .suppressed = suppressed_.load(std::memory_order_relaxed)
        };
    }

    [[nodiscard]] std::uint64_t lines(Level level) const noexcept {
        return lines_[static_cast<std::size_t>(level)].load(std::memory_order_relaxed);
    }

private:
    void wake() noexcept {
        signal_.fetch_add(1, std::memory_order_release);
        signal_.notify_one();
    }

    void count_done(std::uint64_t n) noexcept {
        done_.store(done_.load(std::memory_order_relaxed) + n, std::memory_order_release);
    }

    /// The writer thread. Signals are for other threads; a SIGPIPE of its own shows as EPIPE.
    void run() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        std::string chunk;
        for (;;) {
            const std::uint32_t seen = signal_.load(std::memory_order_acquire);
            chunk.clear();
            std::uint64_t count = 0;
            while (chunk.size() < 16 * kWriteBytesMax && ring_.pop(chunk))
                ++count;
            if (count > 0) {
                report_drops(chunk);
                send(chunk, count);
                count_done(count);
                continue;
            }
            if (stop_.load(std::memory_order_acquire)) return;
            signal_.wait(seen, std::memory_order_acquire);
        }
    }

    /// A line that says how many lines are missing before it.
    void report_drops(std::string& chunk) {
        const std::uint64_t dropped = dropped_.load(std::memory_order_relaxed);
        if (dropped == reported_drops_) return;
        append_line(
            chunk, Level::warn, "log lines dropped", {{"count", dropped - reported_drops_}}, 0
        );
        reported_drops_ = dropped;
    }

    /// Writes whole chunk in pieces that do not block. Gives up when the descriptor fails, or when
    /// it is stuck while the daemon stops.
    void send(std::string_view chunk, std::uint64_t count) {
        const int fd = fd_.load(std::memory_order_relaxed);
        while (!chunk.empty()) {
            pollfd ready{fd, POLLOUT, 0};
            const int polled = ::poll(&ready, 1, kPollMs);
            if (polled == 0 || (polled < 0 && errno == EINTR)) {
                if (!stop_.load(std::memory_order_acquire)) continue;
                polled_out(count);
                return;
            }
            const std::size_t piece = std::min(chunk.size(), kWriteBytesMax);
            const ssize_t n = ::write(fd, chunk.data(), piece);
            if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
            if (n <= 0) {
                polled_out(count);
                return;
            }
            chunk.remove_prefix(static_cast<std::size_t>(n));
        }
        written_.fetch_add(count, std::memory_order_relaxed);
    }

    void polled_out(std::uint64_t count) noexcept {
        dropped_.fetch_add(count, std::memory_order_relaxed);
        reported_drops_ += count;  // a line about it would be lost as well
    }

    /// Without a writer thread: the caller writes.
    void write_now(std::string_view text) noexcept {
        const int fd = fd_.load(std::memory_order_relaxed);
        while (!text.empty()) {
            const ssize_t n = ::write(fd, text.data(), text.size());
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) {
                dropped_.fetch_add(1, std::memory_order_relaxed);
                return;
            }
            text.remove_prefix(static_cast<std::size_t>(n));
        }
        written_.fetch_add(1, std::memory_order_relaxed);
    }

    std::mutex life_;  // start and stop; never taken by write
    std::thread writer_;
    std::chrono::milliseconds exit_wait_{1000};
    std::atomic<int> fd_{2};
    std::atomic<unsigned> burst_{10};
    std::atomic<bool> running_{false
    };  // released by start, acquired by write: lines go to the ring
    std::atomic<bool> stop_{false};         // released by stop, acquired by the writer
    std::atomic<std::uint32_t> signal_{0};  // released by write, acquired by the writer
    std::atomic<std::uint64_t> done_{0
    };  // lines taken care of; released by the writer, acquired by flush
    std::uint64_t reported_drops_ = 0;  // writer only
    std::atomic<std::uint64_t> written_{0};
    std::atomic<std::uint64_t> dropped_{0};
    std::atomic<std::uint64_t> suppressed_{0};
    std::array<std::atomic<std::uint64_t>, 4> lines_{};
    RateLimit rates_;
    LogRing ring_;
};

Logger& logger() {
    static auto* const made = new Logger;
    return *made;
}

std::atomic<Level> lowest{Level::info};  // relaxed: a change may show a line late

}  // namespace

std::string_view name(Level level) noexcept {
    constexpr std::array<std::string_view, 4> kNames{"debug", "info", "warn", "error"};
    return kNames[static_cast<std::size_t>(level)];
}

void write(Level level, std::string_view msg, Fields fields) noexcept {
    if (!enabled(level)) return;
    try {
        logger().write(level, msg, fields);
    } catch (const std::bad_alloc&) {
        logger().count_lost();  // out of memory: the line is the least of it
    }
}

void set_level(Level level) noexcept {
    lowest.store(level, std::memory_order_relaxed);
}

Level level() noexcept {
    return lowest.load(std::memory_order_relaxed);
}

void start(const Options& options) {
    logger().start(options);
}

void stop() noexcept {
    logger().stop();
}

bool flush(std::chrono::milliseconds wait) noexcept {
    return logger().flush(wait);
}

Stats stats() noexcept {
    return logger().stats();
}

void export_metrics(metrics::Registry& registry) {
    for (const Level level : {Level::debug, Level::info, Level::warn, Level::error}) {
        registry.export_counter(
            "penstock_log_lines_total",
            "Log lines made, by level.",
            {{"level", std::string(name(level))}},
            [level] { return static_cast<double>(logger().lines(level)); }
        );
    }
    registry.export_counter(
        "penstock_log_dropped_lines_total",
        "Log lines lost because the log's descriptor did not take them in time.",
        {},
        [] { return static_cast<double>(stats().dropped); }
    );
    registry.export_counter(
        "penstock_log_suppressed_lines_total",
        "Log lines held back by the rate limit per message.",
        {},
        [] { return static_cast<double>(stats().suppressed); }
    );
}

}  // namespace penstock::log
