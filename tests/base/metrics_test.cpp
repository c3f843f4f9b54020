#include "base/metrics.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <string>
#include <thread>

using namespace penstock::metrics;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

namespace {

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("metrics: cells of equal name and labels are added up", "[metrics]") {
    Registry registry;
    Counter& a = registry.counter("penstock_x_total", "X.", {{"shard", "0"}});
    Counter& b = registry.counter("penstock_x_total", "X.", {{"shard", "0"}});
    Counter& c = registry.counter("penstock_x_total", "X.", {{"shard", "1"}});
    CHECK(&a != &b);
    a.add(2);
    b.add();
    c.add(10);
    const std::string text = registry.scrape();
    CHECK(has_line(text, "# HELP penstock_x_total X."));
    CHECK(has_line(text, "# TYPE penstock_x_total counter"));
    CHECK(has_line(text, "penstock_x_total{shard=\"0\"} 3"));
    CHECK(has_line(text, "penstock_x_total{shard=\"1\"} 10"));
}

TEST_CASE("metrics: the order of labels makes no difference", "[metrics]") {
    Registry registry;
    registry.counter("penstock_x_total", "X.", {{"a", "1"}, {"b", "2"}}).add();
    registry.counter("penstock_x_total", "X.", {{"b", "2"}, {"a", "1"}}).add();
    CHECK(registry.value("penstock_x_total", {{"b", "2"}, {"a", "1"}}) == 2);
}

TEST_CASE("metrics: label values are escaped", "[metrics][A13]") {
    Registry registry;
    registry.gauge("penstock_x", "X.", {{"sink", "a\"b\\c\nd"}}).set(1);
    CHECK(has_line(registry.scrape(), R"(penstock_x{sink="a\"b\\c\nd"} 1)"));
}

TEST_CASE(
    "metrics: a callback is read at each scrape and not after its registration", "[metrics]"
) {
    Registry registry;
    double value = 1.5;
    {
        const Registration registration =
            registry.gauge_fn("penstock_y", "Y.", {{"sink", "a"}}, [&] { return value; });
        CHECK(has_line(registry.scrape(), "penstock_y{sink=\"a\"} 1.5"));
        value = 2.5;
        CHECK(has_line(registry.scrape(), "penstock_y{sink=\"a\"} 2.5"));
    }
    CHECK(registry.scrape().find("penstock_y{") == std::string::npos);
}

TEST_CASE("metrics: a registration may outlive its registry", "[metrics]") {
    auto watched = std::make_shared<double>(1.0);
    const std::weak_ptr<double> callback = watched;
    Registration registration;
    {
        Registry registry;
        registration = registry.gauge_fn("penstock_y", "Y.", {}, [watched] { return *watched; });
        watched.reset();
        CHECK(has_line(registry.scrape(), "penstock_y 1"));
    }
    CHECK(callback.expired());  // with the registry goes what it would have called
    registration.reset();
    CHECK(callback.expired());
}

TEST_CASE("metrics: a group shows what its owner has at each scrape, escaped", "[metrics][A13]") {
    Registry registry;
    std::vector<std::string> devices{"a", "\"} 9\n\\"};
    {
        const Registration registration =
            registry
                .gauges_fn("penstock_y", "Y.", {"device", "field"}, [&](const ShowSeries& series) {
                    for (const auto& device : devices)
                        series(std::array<std::string_view, 2>{device, "f"}, 1.5);
                });
        const auto text = registry.scrape();
        CHECK(has_line(text, R"(penstock_y{device="a",field="f"} 1.5)"));
        CHECK(has_line(text, R"(penstock_y{device="\"} 9\n\\",field="f"} 1.5)"));
        devices.clear();
        CHECK(registry.scrape().find("penstock_y") == std::string::npos);
        devices = {"b"};
    }
    CHECK(registry.scrape().find("penstock_y") == std::string::npos);
}

TEST_CASE("metrics: a family that is full counts what it does not show", "[metrics]") {
    Registry registry;
    for (int i = 0; i < 4'100; ++i) {
        registry.counter("penstock_x_total", "X.", {{"n", std::to_string(i)}}).add();
    }
    CHECK(registry.value("penstock_metrics_unexported_cells") == 4);
}

TEST_CASE("metrics: every value falls into the bucket whose bounds hold it", "[metrics]") {
    for (const std::uint64_t value :
         {0ULL,
          1ULL,
          99ULL,
          100ULL,
          101ULL,
          110ULL,
          111ULL,
          999ULL,
          1'000ULL,
          1'001ULL,
          1'100ULL,
          123'456'789ULL,
          999'999'999'999ULL,
          1'000'000'000'000ULL}) {
        const std::size_t index = Histogram::index_of(value);
        CAPTURE(value, index);
        CHECK(Histogram::upper_bound(index) >= value);
        if (index > 0) CHECK(Histogram::upper_bound(index - 1) < value);
    }
    CHECK(Histogram::index_of(~0ULL) == Histogram::kBuckets - 1);
    for (std::size_t i = 1; i < Histogram::kBuckets; ++i) {
        REQUIRE(Histogram::index_of(Histogram::upper_bound(i)) == i);
        REQUIRE(Histogram::upper_bound(i) > Histogram::upper_bound(i - 1));
    }
}

TEST_CASE("metrics: exported buckets are cumulative and closed at the top", "[metrics]") {
    Registry registry;
    Histogram& cell = registry.histogram("penstock_commit_seconds", "C.");
    cell.observe(milliseconds(1));
    cell.observe(milliseconds(1) + nanoseconds(1));
    cell.observe(seconds(500));
    const std::string text = registry.scrape();
    CHECK(has_line(text, "penstock_commit_seconds_bucket{le=\"0.0005\"} 0"));
    CHECK(has_line(text, "penstock_commit_seconds_bucket{le=\"0.001\"} 1"));
    CHECK(has_line(text, "penstock_commit_seconds_bucket{le=\"0.0025\"} 2"));
    CHECK(has_line(text, "penstock_commit_seconds_bucket{le=\"300\"} 2"));
    CHECK(has_line(text, "penstock_commit_seconds_bucket{le=\"+Inf\"} 3"));
    CHECK(has_line(text, "penstock_commit_seconds_count 3"));
}

TEST_CASE("metrics: quantiles are right within a tenth", "[metrics]") {
    Registry registry;
    Histogram& cell = registry.histogram("penstock_x_seconds", "X.");
    for (int i = 1; i <= 10'000; ++i)
        cell.observe(std::chrono::microseconds(i));
    const Distribution d = registry.distribution("penstock_x_seconds");
    CHECK(d.count == 10'000);
    CHECK(static_cast<double>(d.quantile(0.5)) == Approx(5e6).epsilon(0.1));
    CHECK(static_cast<double>(d.quantile(0.99)) == Approx(9.9e6).epsilon(0.1));
    CHECK(d.quantile(1.0) == 10'000'000);
    CHECK(Distribution{}.quantile(0.5) == 0);
}

TEST_CASE("metrics: a reader beside the writer sees counts that only grow", "[metrics]") {
    Registry registry;
    Counter& cell = registry.counter("penstock_x_total", "X.");
    std::atomic<bool> done{false};
    std::thread writer([&] {
        for (int i = 0; i < 200'000; ++i)
            cell.add();
        done = true;
    });
    double last = 0;
    while (!done) {
        const double now = registry.value("penstock_x_total");
        REQUIRE(now >= last);
        last = now;
    }
    writer.join();
    CHECK(registry.value("penstock_x_total") == 200'000);
}

TEST_CASE("metrics: families are listed by name, with those that have no cell yet", "[metrics]") {
    Registry registry;
    registry.declare(Type::histogram, "penstock_b_seconds", "B.", {"sink"});
    registry.counter("penstock_a_total", "A.").add();
    const auto families = registry.families();
    REQUIRE(families.size() == 3);
    CHECK(families[0].name == "penstock_a_total");
    CHECK(families[1].name == "penstock_b_seconds");
    CHECK(families[1].label_names == std::vector<std::string>{"sink"});
    CHECK(registry.scrape().find("penstock_b_seconds") == std::string::npos);
    CHECK(
        reference(registry).find("| `penstock_b_seconds` | histogram | `sink` | B. |") !=
        std::string::npos
    );
}

TEST_CASE("metrics: the process describes itself", "[metrics]") {
    Registry registry;
    export_process_metrics(registry);
    export_build_info(registry, "1.2.3", "abc");
    CHECK(registry.value("process_resident_memory_bytes") > 1e6);
    CHECK(registry.value("process_open_fds") >= 3);
    CHECK(registry.value("process_threads") >= 1);
    CHECK(registry.value("process_cpu_seconds_total") >= 0);
    CHECK(registry.value("process_start_time_seconds") > 1.6e9);
    CHECK(registry.scrape().find("version=\"1.2.3\"") != std::string::npos);
}
