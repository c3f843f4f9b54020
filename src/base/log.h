#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <variant>

namespace penstock::metrics {
class Registry;
}

/// The daemon's log: JSON lines, one object a line, on a file descriptor (stderr unless told).
///
///     log::info("journal opened", {{"segments", count}, {"path", path}});
///     {"time":"2024-05-01T12:00:00.123Z","level":"info","msg":"journal
///     opened","segments":3,"path":"/var/lib/..."}
///
/// `msg` is a constant sentence: it is the key of the rate limit. What varies goes into fields.
/// Field text may come from devices: control characters, line breaks, ESC, quotes, direction
/// overrides and invalid UTF-8 are escaped, so a line stays one line and one object whatever is
/// logged. A `Secret` is no field value: it does not compile.
///
/// Bounds: 1024 lines wait for the writer, 32 fields a line, 2048 bytes a text value (the rest is
/// cut and marked), 10 lines per message and second (then counted; the next line of that message
/// says `"suppressed": n`), 512 messages with a rate of their own.
///
/// Threads: any thread. After `start()` no call waits for the descriptor: lines pass through a
/// lock-free ring to a writer thread, and are dropped and counted when the ring is full. Before
/// `start()` and after `stop()` (tools, tests) lines are written by the caller.
namespace penstock::log {

enum class Level : std::uint8_t { debug, info, warn, error };

[[nodiscard]] std::string_view name(Level level) noexcept;

/// The value of a field: text, number or truth. A duration becomes seconds: end its key in
/// `_seconds`. Threads: immutable. Text is a view: it must live until the call returns.
class Value {
public:
    // NOLINTBEGIN(google-explicit-constructor): fields are written as braces at the call.
    template <std::same_as<bool> B>
    Value(B value) : value_(value) {}
    template <std::signed_integral I>
    Value(I value) : value_(std::int64_t{value}) {}
    template <std::unsigned_integral U>
        requires(!std::same_as<U, bool>)
    Value(U value) : value_(std::uint64_t{value}) {}
    template <std::floating_point F>
    Value(F value) : value_(static_cast<double>(value)) {}
    template <class T>
        requires std::convertible_to<const T&, std::string_view>
    Value(const T& text) : value_(std::string_view(text)) {}
    template <class Rep, class Period>
    Value(std::chrono::duration<Rep, Period> span)
        : value_(std::chrono::duration<double>(span).count()) {}
    // NOLINTEND(google-explicit-constructor)

    using Any = std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view>;
    [[nodiscard]] const Any& any() const noexcept { return value_; }

private:
    Any value_;
};

/// One `"key": value` of a line. The key is a constant in snake_case.
struct Field {
    std::string_view key;
    Value value;
};

using Fields = std::initializer_list<Field>;

void write(Level level, std::string_view msg, Fields fields) noexcept;

inline void debug(std::string_view msg, Fields fields = {}) noexcept {
    write(Level::debug, msg, fields);
}
inline void info(std::string_view msg, Fields fields = {}) noexcept {
    write(Level::info, msg, fields);
}
inline void warn(std::string_view msg, Fields fields = {}) noexcept {
    write(Level::warn, msg, fields);
}
inline void error(std::string_view msg, Fields fields = {}) noexcept {
    write(Level::error, msg, fields);
}

/// Lines below this level are not made. May be changed at any time; `info` at the start.
void set_level(Level level) noexcept;
[[nodiscard]] Level level() noexcept;

/// True when a line of this level would be made: guards fields that cost something to compute.
[[nodiscard]] inline bool enabled(Level asked) noexcept {
    return asked >= level();
}

struct Options {
    int fd = 2;                                 // not owned, not closed
    unsigned burst_per_second = 10;             // per message; 0 = no limit
    std::chrono::milliseconds exit_wait{1000};  // how long `stop()` may wait for a stuck descriptor
};

/// Starts the writer thread. A second call while it runs changes only descriptor and limits.
/// Registers `stop()` to run at exit.
void start(const Options& options = {});

/// Writes what waits, for `exit_wait` at most, and ends the writer thread. What could not be
/// written is counted as dropped.
void stop() noexcept;

/// Waits until everything logged before the call is written (or counted as dropped), for `wait` at
/// most. Returns false when the descriptor is stuck.
bool flush(std::chrono::milliseconds wait) noexcept;

struct Stats {
    std::uint64_t written = 0;     // lines handed to the descriptor
    std::uint64_t dropped = 0;     // lines lost to a full ring or a descriptor that refused them
    std::uint64_t suppressed = 0;  // lines held back by the rate limit
};

[[nodiscard]] Stats stats() noexcept;

/// Registers penstock_log_lines_total, penstock_log_dropped_lines_total and
/// penstock_log_suppressed_lines_total.
void export_metrics(metrics::Registry& registry);

}  // namespace penstock::log
