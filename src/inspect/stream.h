#pragma once

#include "config/problem.h"
#include "expression/program.h"
#include "inspect/config.h"
#include "inspect/name_table.h"
#include "penstock/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace penstock::inspect {

using expression::Program;

/// A field's rule, ready to be checked.
struct FieldRule {
    std::uint16_t slot = 0;
    ValueType type = ValueType::any;
    bool required = false;
    bool bounded = false;  // min or max was given
    double min = 0;        // minus infinity when not given
    double max = 0;
    std::optional<std::uint32_t> max_length;
    std::vector<double> numbers;     // enum of a number field
    std::vector<std::string> texts;  // enum of any other
};

struct DeriveRule {
    std::string name;
    std::uint16_t slot = 0;
    Program program;
};

struct StatusRule {
    Program when;
    std::string status;
};

/// A field that is scored. `metric` numbers all of them, over all streams.
struct ScoredField {
    std::uint16_t metric = 0;
    std::uint16_t slot = 0;
    bool derived = false;
};

/// One entry of `streams:`, compiled: names resolved to slots, expressions to programs.
/// Threads: immutable.
struct Stream {
    static constexpr std::uint16_t kNone = NameTable::kNone;

    explicit Stream(std::uint64_t seed) : names(seed) {}

    std::string name;
    std::uint16_t number = 0;  // in the order of the file
    NameTable names;
    std::vector<FieldRule> rules;
    std::vector<DeriveRule> derived;
    std::vector<StatusRule> statuses;
    std::string otherwise = "NORMAL";
    std::vector<ScoredField> scored;
    std::vector<std::uint16_t>
        read;  // slots whose value an expression or the score reads, but for derived ones
    ScoringConfig scoring;

    std::uint16_t device_slot = kNone;
    std::uint16_t device_level = 0;  // 0: not by topic
    std::uint16_t time_slot = kNone;
    TimeFormat time_format = TimeFormat::automatic;
    Nanoseconds max_future = 0;
    std::uint16_t sequence_slot = kNone;
    bool refuse_invalid = false;
};

/// All streams in the order of the file. What is wrong goes to `problems` with its place; the
/// result is to be used only when nothing was added there. `seed` is hash_name()'s.
[[nodiscard]] std::vector<Stream> compile_streams(
    const Config& config, config::Problems& problems, std::uint64_t seed = 0
);

}  // namespace penstock::inspect
