#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What `penstock doctor` found.
namespace penstock::app::doctor {

enum class Grade : std::uint8_t {
    good,
    unknown,  // it could not be looked at
    warning,  // it runs, but worse, or not for long
    bad,      // it does not run, or is not safe
};
[[nodiscard]] std::string_view name(Grade grade) noexcept;

/// One fact, and what to do about it.
/// Threads: immutable.
struct Finding {
    std::string_view check;
    Grade grade = Grade::good;
    std::string what;
    std::string remedy;  // one sentence; empty when all is well
};

/// Collects the findings of one check after the other.
/// Threads: one.
class Chart {
public:
    /// What follows is of this check. `check` lives as long as the chart.
    void turn_to(std::string_view check) noexcept { check_ = check; }

    void good(std::string what) { add(Grade::good, std::move(what), {}); }
    void unknown(std::string what, std::string remedy) {
        add(Grade::unknown, std::move(what), std::move(remedy));
    }
    void warn(std::string what, std::string remedy) {
        add(Grade::warning, std::move(what), std::move(remedy));
    }
    void bad(std::string what, std::string remedy) {
        add(Grade::bad, std::move(what), std::move(remedy));
    }

    [[nodiscard]] const std::vector<Finding>& findings() const noexcept { return findings_; }
    [[nodiscard]] bool any_bad() const noexcept;

private:
    void add(Grade grade, std::string what, std::string remedy) {
        findings_.push_back({check_, grade, std::move(what), std::move(remedy)});
    }

    std::string_view check_;
    std::vector<Finding> findings_;
};

/// A line for each finding, the remedy below it.
[[nodiscard]] std::string text_of(const Chart& chart);
/// One JSON object: `well`, and `findings` with `check`, `grade`, `what` and `remedy` each.
[[nodiscard]] std::string json_of(const Chart& chart);

}  // namespace penstock::app::doctor
