#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the daemon counts about itself. Counting is a plain load and store on a cell that one
/// thread owns; adding up and formatting happen when somebody asks (`Registry::scrape`).
///
/// Names: `penstock_<noun>_<unit>[_total]`, base units (seconds, bytes). Label values come from the
/// configuration or from a fixed set, never from a device: their number is bounded. The only
/// exception are groups (`Registry::gauges_fn`), whose owner states a bound.
namespace penstock::metrics {

/// Counts up, for ever. Starts at 0.
/// Threads: one writer (the thread that got it), any reader.
class alignas(64) Counter {
public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t value() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> value_{0};  // relaxed: a scrape wants a recent value, no order
};

/// A value that goes up and down.
/// Threads: one writer, any reader.
class alignas(64) Gauge {
public:
    void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }
    void add(double n) noexcept { set(value() + n); }
    [[nodiscard]] double value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<double> value_{0.0};  // relaxed, as in Counter
};

/// What a histogram measures; decides the exported buckets and the unit.
enum class Scale : std::uint8_t {
    seconds,  // observed in nanoseconds, exported in seconds: 10 us .. 300 s
    bytes,    // 100 B .. 1 GB
    count,    // 1 .. 1 million
};

/// How values are spread, with two significant decimal digits (a bucket is at most 10% wide): 0, 1,
/// .. 100, 110, .. 1000, 1100, .. 10^12. Larger values count as 10^12. One cell is 8 KiB. The
/// buckets are closed at the top, as Prometheus' `le` is; every exported bound is one of theirs, so
/// the exported counts are exact. Threads: one writer, any reader (a reader may see the latest
/// values in some buckets and not yet in others).
class Histogram {
public:
    explicit Histogram(Scale scale) : scale_(scale) {}

    void observe(std::uint64_t value) noexcept {
        bump(counts_[index_of(value)], 1);
        bump(sum_, value);
    }
    /// Negative spans (a clock that stepped) count as 0.
    void observe(std::chrono::nanoseconds span) noexcept {
        observe(span.count() < 0 ? 0 : static_cast<std::uint64_t>(span.count()));
    }

    [[nodiscard]] Scale scale() const noexcept { return scale_; }

    static constexpr std::size_t kExact = 101;   // 0..100
    static constexpr std::size_t kDecades = 10;  // (100, 10^12]
    static constexpr std::size_t kPerDecade = 90;
    static constexpr std::size_t kBuckets = kExact + kDecades * kPerDecade;

    /// The bucket a value falls into, and the largest value of a bucket.
    [[nodiscard]] static std::size_t index_of(std::uint64_t value) noexcept;
    [[nodiscard]] static std::uint64_t upper_bound(std::size_t index) noexcept;

private:
    friend struct Distribution;
    using Cell = std::atomic<std::uint64_t>;  // relaxed, as in Counter
    static void bump(Cell& cell, std::uint64_t n) noexcept {
        cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }

    Scale scale_;
    Cell sum_{0};
    std::array<Cell, kBuckets> counts_{};
};

/// The sum of one or several histograms at a moment.
struct Distribution {
    std::vector<std::uint64_t> counts = std::vector<std::uint64_t>(Histogram::kBuckets);
    std::uint64_t count = 0;
    std::uint64_t sum = 0;  // in the unit observed: nanoseconds for Scale::seconds

    void add(const Histogram& histogram) noexcept;
    /// The upper bound of the bucket that holds the q-th part (0..1) of the values; 0 when there
    /// are none.
    [[nodiscard]] std::uint64_t quantile(double q) const noexcept;
};

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Takes a series of a group: the values of its labels, in the order of the group's label names
/// (any text of UTF-8: it is escaped where it is shown), and its value.
using ShowSeries =
    std::function<void(std::span<const std::string_view> label_values, double value)>;

enum class Type : std::uint8_t { counter, gauge, histogram };

[[nodiscard]] std::string_view name(Type type) noexcept;

/// A metric as docs/METRICS.md lists it.
struct FamilyInfo {
    std::string name;
    Type type;
    std::string help;
    std::vector<std::string> label_names;
};

/// Keeps a callback metric alive; the callback is not running and not called again once this is
/// destroyed or reset. Threads: owner.
class [[nodiscard]] Registration {
public:
    Registration() = default;
    explicit Registration(std::function<void()> remove) : remove_(std::move(remove)) {}
    Registration(Registration&& other) noexcept : remove_(std::exchange(other.remove_, nullptr)) {}
    Registration& operator=(Registration&& other) noexcept {
        if (this != &other) {
            reset();
            remove_ = std::exchange(other.remove_, nullptr);
        }
        return *this;
    }
    ~Registration() { reset(); }

    void reset() noexcept {
        if (auto remove = std::exchange(remove_, nullptr)) remove();
    }

private:
    std::function<void()> remove_;
};

/// All metrics of the process. Cells live as long as the registry, at an address that never
/// changes.
///
/// Each call of `counter`, `gauge` or `histogram` gives a NEW cell for one writing thread; cells of
/// equal name and labels are added up when scraped. Ask for cells when a part is built, not per
/// record. A name always has one type, one help text and one set of label names: anything else is a
/// bug and aborts. Bound: 4096 cells a family; later ones are handed out but not exported, and
/// penstock_metrics_unexported_cells counts them.
///
/// Threads: any thread, except from inside a callback.
class Registry {
public:
    Registry();
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    [[nodiscard]] Counter& counter(
        std::string_view name, std::string_view help, const Labels& labels = {}
    );
    [[nodiscard]] Gauge& gauge(
        std::string_view name, std::string_view help, const Labels& labels = {}
    );
    [[nodiscard]] Histogram& histogram(
        std::string_view name,
        std::string_view help,
        const Labels& labels = {},
        Scale scale = Scale::seconds
    );

    /// A value that somebody else keeps: `read` is called at each scrape, on the scraping thread,
    /// and must not block, throw or touch the registry. Several of equal name and labels are added
    /// up. The registration may outlive the registry.
    Registration counter_fn(
        std::string_view name,
        std::string_view help,
        const Labels& labels,
        std::function<double()> read
    );
    Registration gauge_fn(
        std::string_view name,
        std::string_view help,
        const Labels& labels,
        std::function<double()> read
    );

    /// A group of gauges whose label values are known at a scrape only: `read` shows each, under
    /// the conditions of gauge_fn, and no two with equal labels. It counts as one cell; the number
    /// of its series is bounded by its owner. A family has either groups or cells.
    Registration gauges_fn(
        std::string_view name,
        std::string_view help,
        const std::vector<std::string>& label_names,
        std::function<void(const ShowSeries&)> read
    );

    /// As counter_fn and gauge_fn, for as long as the registry lives: for what the process keeps
    /// for ever.
    void export_counter(
        std::string_view name,
        std::string_view help,
        const Labels& labels,
        std::function<double()> read
    );
    void export_gauge(
        std::string_view name,
        std::string_view help,
        const Labels& labels,
        std::function<double()> read
    );

    /// Makes a family known (for docs/METRICS.md and with its HELP line) before the first cell
    /// exists.
    void declare(
        Type type,
        std::string_view name,
        std::string_view help,
        const std::vector<std::string>& label_names = {}
    );

    /// What is set while this is held is seen as a whole by every scrape: for figures that must add
    /// up. Keep it for a few stores; it waits for a scrape, so never on the data path.
    [[nodiscard]] std::unique_lock<std::mutex> together() const;

    /// The Prometheus text format 0.0.4, sorted by name. Serve it as
    /// `text/plain; version=0.0.4; charset=utf-8`.
    [[nodiscard]] std::string scrape() const;

    /// Every family ever registered, sorted by name.
    [[nodiscard]] std::vector<FamilyInfo> families() const;

    /// The sum over the cells and callbacks of these labels; 0 when there are none. For tests and
    /// status pages.
    [[nodiscard]] double value(std::string_view name, const Labels& labels = {}) const;
    /// The histograms of these labels added up.
    [[nodiscard]] Distribution distribution(std::string_view name, const Labels& labels = {}) const;

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with registrations only
};

/// process_resident_memory_bytes, process_virtual_memory_bytes, process_cpu_seconds_total,
/// process_open_fds, process_max_fds, process_start_time_seconds and process_threads, read from
/// /proc at each scrape.
void export_process_metrics(Registry& registry);

/// penstock_build_info{version, commit, compiler} = 1.
void export_build_info(Registry& registry, std::string_view version, std::string_view commit);

/// The table of docs/METRICS.md: name, type, labels, help.
[[nodiscard]] std::string reference(const Registry& registry);

}  // namespace penstock::metrics
