#include "app/doctor/finding.h"

#include "base/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace penstock::app::doctor {

std::string_view name(Grade grade) noexcept {
    switch (grade) {
        case Grade::good:
            return "good";
        case Grade::unknown:
            return "unknown";
        case Grade::warning:
            return "warning";
        case Grade::bad:
            break;
    }
    return "bad";
}

bool Chart::any_bad() const noexcept {
    return std::any_of(findings_.begin(), findings_.end(), [](const Finding& finding) {
        return finding.grade == Grade::bad;
    });
}

std::string text_of(const Chart& chart) {
    std::string out;
    for (const Finding& finding : chart.findings()) {
        const auto grade = name(finding.grade);
        fmt::format_to(
            std::back_inserter(out), "{:<8} {:<12} {}\n", grade, finding.check, finding.what
        );
        if (!finding.remedy.empty()) out += std::string(22, ' ') + "-> " + finding.remedy + '\n';
    }
    return out;
}

std::string json_of(const Chart& chart) {
    std::string out =
        chart.any_bad() ? R"({"well":false,"findings":[)" : R"({"well":true,"findings":[)";
    const auto member = [&out](std::string_view key, std::string_view value, char before) {
        out += before;
        append_json_string(key, out);
        out += ':';
        append_json_string(value, out);
    };
    bool first = true;
    for (const Finding& finding : chart.findings()) {
        if (!first) out += ',';
        first = false;
        member("check", finding.check, '{');
        member("grade", name(finding.grade), ',');
        member("what", finding.what, ',');
        member("remedy", finding.remedy, ',');
        out += '}';
    }
    return out + "]}\n";
}

}  // namespace penstock::app::doctor
