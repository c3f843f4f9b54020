#include "base/log.h"

#include "base/metrics.h"
#include "support/captured_log.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

using namespace penstock;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::CapturedLog;

namespace {

/// The part of a line behind its time stamp.
std::string body(const std::string& line) {
    const std::size_t at = line.find("\"level\"");
    return at == std::string::npos ? line : line.substr(at);
}

bool is_printable_ascii(const std::string& line) {
    for (const char c : line) {
        if (c < 0x20 || c > 0x7e) return false;
    }
    return true;
}

struct Pipe {
    Pipe() { REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0); }
    ~Pipe() {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    std::array<int, 2> ends{};
};

}  // namespace

TEST_CASE("log: a line is one JSON object with time, level, msg and fields", "[log]") {
    const CapturedLog captured;
    log::info("journal opened", {{"segments", 3}, {"path", "/x"}, {"ratio", 0.5}, {"clean", true}});
    const auto lines = captured.lines();
    REQUIRE(lines.size() == 1);
    CHECK(
        body(lines[0]) ==
        R"("level":"info","msg":"journal opened","segments":3,"path":"/x","ratio":0.5,"clean":true})"
    );
    // {"time":"2024-05-01T12:00:00.123Z",
    CHECK(lines[0].substr(0, 9) == R"({"time":")");
    CHECK(lines[0][19] == 'T');
    CHECK(lines[0].substr(32, 2) == "Z\"");
}

TEST_CASE("log: CR, LF, ESC and bytes that are no UTF-8 cannot break a line", "[log][A13]") {
    const CapturedLog captured;
    const std::string device = "evil\r\n{\"level\":\"error\"}\x1b[2J\x07\x7f\xff\xc0\x80 \"q\" \\";
    log::warn("device refused", {{"device", device}});
    const auto lines = captured.lines();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find("\\r\\n{\\\"level\\\"") != std::string::npos);
    CHECK(lines[0].find("\\u001b[2J\\u0007\\u007f") != std::string::npos);
    CHECK(lines[0].find('\x1b') == std::string::npos);
    CHECK(lines[0].find('\xff') == std::string::npos);
    CHECK(lines[0].find(R"( \"q\" \\"})") != std::string::npos);
}

TEST_CASE("log: line separators and direction overrides are escaped", "[log][A13]") {
    const CapturedLog captured;
    log::info("x", {{"id", "a\u2028b\u202ec\u0085d\ufeff"}});
    const auto lines = captured.lines();
    REQUIRE(lines.size() == 1);
    CHECK(is_printable_ascii(lines[0]));
    CHECK(body(lines[0]) == R"("level":"info","msg":"x","id":"a\u2028b\u202ec\u0085d\ufeff"})");
}

TEST_CASE("log: a key is escaped as a value is", "[log][A13]") {
    const CapturedLog captured;
    log::info("x", {{"a\"\n", 1}});
    CHECK(body(captured.lines().at(0)) == R"("level":"info","msg":"x","a\"\n":1})");
}

TEST_CASE("log: long text is cut at a character and marked", "[log]") {
    const CapturedLog captured;
    const std::string text = std::string(2047, 'a') + "\u00e9tail";
    log::info("x", {{"text", text}});
    const std::string line = captured.lines().at(0);
    CHECK(line.find(std::string(2047, 'a') + "...\"}") != std::string::npos);
}

TEST_CASE("log: infinities and NaN become null", "[log]") {
    const CapturedLog captured;
    log::info("x", {{"a", 1.0 / 0.0}, {"b", 0.0 / 0.0}});
    CHECK(body(captured.lines().at(0)) == R"("level":"info","msg":"x","a":null,"b":null})");
}

TEST_CASE("log: lines below the level are not made", "[log]") {
    const CapturedLog captured;
    log::set_level(log::Level::warn);
    log::info("quiet");
    log::error("loud");
    const auto lines = captured.lines();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find("loud") != std::string::npos);
}

TEST_CASE(
    "log: a message has a rate, and the line after a pause says what was held back", "[log]"
) {
    const CapturedLog captured(10);
    const auto before = log::stats();
    std::size_t made = 0;
    // Within at most three seconds a second begins anew and lets the counted line through.
    std::string text;
    while (text.find("\"suppressed\":") == std::string::npos && made < 3'000) {
        log::info("noisy");
        ++made;
        if (made % 50 == 0) {
            std::this_thread::sleep_for(milliseconds(20));
            text = captured.text();
        }
    }
    log::info("other");
    CHECK(text.find("\"suppressed\":") != std::string::npos);
    CHECK(captured.lines().size() < made / 2);
    CHECK(log::stats().suppressed - before.suppressed > made / 2);
    CHECK(captured.text().find("other") != std::string::npos);
}

TEST_CASE("log: a stuck descriptor drops and counts lines and never blocks the caller", "[log]") {
    const Pipe pipe;
    log::Options options;
    options.fd = pipe.ends[1];
    options.burst_per_second = 0;
    options.exit_wait = milliseconds(50);
    log::start(options);
    const auto before = log::stats();
    const std::string filler(1000, 'x');
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 5'000; ++i)
        log::info("filler", {{"text", filler}, {"i", i}});
    CHECK(std::chrono::steady_clock::now() - start < seconds(5));
    CHECK(log::stats().dropped > before.dropped);
    CHECK_FALSE(log::flush(milliseconds(10)));
    log::stop();
    const auto after = log::stats();
    CHECK(after.written - before.written + after.dropped - before.dropped == 5'000);
    log::Options standard;
    log::start(standard);
    log::stop();
}

TEST_CASE("log: a line says how many were dropped before it", "[log]") {
    const Pipe pipe;
    log::Options options;
    options.fd = pipe.ends[1];
    options.burst_per_second = 0;
    log::start(options);
    const std::string filler(1000, 'x');
    for (int i = 0; i < 5'000; ++i)
        log::info("filler", {{"text", filler}});
    std::string seen;
    std::array<char, 65536> piece{};
    std::thread reader([&] {
        for (ssize_t n = 1; n > 0;) {
            n = ::read(pipe.ends[0], piece.data(), piece.size());
            if (n > 0) seen.append(piece.data(), static_cast<std::size_t>(n));
            if (seen.find("\"the end\"") != std::string::npos) return;
        }
    });
    REQUIRE(log::flush(seconds(10)));
    log::info("after");
    REQUIRE(log::flush(seconds(10)));
    log::info("the end");
    reader.join();
    log::stop();
    log::Options standard;
    log::start(standard);
    log::stop();
    CHECK(seen.find("\"msg\":\"log lines dropped\",\"count\":") != std::string::npos);
}

TEST_CASE("log: lines of several threads stay whole", "[log]") {
    const CapturedLog captured;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([t] {
            for (int i = 0; i < 200; ++i)
                log::info("line", {{"thread", t}, {"i", i}});
        });
    }
    for (auto& thread : threads)
        thread.join();
    const auto lines = captured.lines();
    CHECK(lines.size() == 800);
    for (const auto& line : lines) {
        REQUIRE(line.front() == '{');
        REQUIRE(line.back() == '}');
        REQUIRE(line.find("\"msg\":\"line\"") != std::string::npos);
    }
}

TEST_CASE("log: it counts itself", "[log][metrics]") {
    metrics::Registry registry;
    log::export_metrics(registry);
    const double before = registry.value("penstock_log_lines_total", {{"level", "error"}});
    const CapturedLog captured;
    log::error("counted");
    CHECK(registry.value("penstock_log_lines_total", {{"level", "error"}}) == before + 1);
}

TEST_CASE("log: only text, numbers, truth and spans are values", "[log]") {
    STATIC_REQUIRE(std::is_constructible_v<log::Value, std::string>);
    STATIC_REQUIRE(std::is_constructible_v<log::Value, std::uint16_t>);
    STATIC_REQUIRE(std::is_constructible_v<log::Value, std::chrono::milliseconds>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<log::Value, const int*>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<log::Value, std::vector<int>>);
}
