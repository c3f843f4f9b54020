#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace penstock::stages {

/// The work of a stage, done once a call. Throws when it was not done as it should be.
using Step = std::function<void()>;

/// One stage of a record's way, set up so that it can be done again and again by itself.
struct Stage {
    enum class Judged {
        by_count,  // by its instructions: deterministic, and all of the work is Penstock's
        by_time,   // yardsticks, and what waits for a device
    };
    std::string name;            // `area/what`
    std::size_t records = 1;     // that a call of the step handles
    std::function<Step()> make;  // sets up; not measured
    Judged judged = Judged::by_count;
};

[[nodiscard]] std::vector<Stage> ingest_stages();
[[nodiscard]] std::vector<Stage> inspect_stages();
[[nodiscard]] std::vector<Stage> journal_stages();
[[nodiscard]] std::vector<Stage> sink_stages();

[[nodiscard]] inline std::vector<Stage> all_stages() {
    std::vector<Stage> all;
    for (auto* const stages : {ingest_stages, inspect_stages, journal_stages, sink_stages}) {
        for (Stage& stage : stages())
            all.push_back(std::move(stage));
    }
    return all;
}

/// The compiler must believe that somebody reads the value.
template <class T>
void used(const T& value) {
    __asm__ volatile("" : : "r"(&value) : "memory");
}

}  // namespace penstock::stages
