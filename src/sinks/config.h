#pragma once

#include "config/field.h"
#include "journal/when_behind.h"
#include "sinks/start_point.h"
#include "sinks/where.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::sinks {

/// Which records a sink takes.
enum class Records : std::uint8_t {
    accepted,     // those that passed inspection
    quarantined,  // those that did not
    all,
};

/// How long a sink waits after a failure. Each wait is random between nothing and a bound (full
/// jitter), so that many nodes do not return at once; the bound doubles from `first` to `longest`.
struct RetryConfig {
    Duration first = std::chrono::milliseconds(100);
    Duration longest = std::chrono::seconds(30);
    Duration alarm = std::chrono::seconds(30);  // bound while credentials or settings are refused
};

/// What every sink has in common. Settings of a sink derive from it.
struct SinkConfig {
    std::vector<std::string> streams;  // empty: all
    Records records = Records::accepted;
    Where where;
    StartAt start_at;
    journal::WhenBehind when_behind = journal::WhenBehind::hold;
    RetryConfig retry;
    config::Origin origin;
};

/// The sinks of the configuration, by id, in the order of the file.
using SinksConfig = config::OrderedMap<config::Variant<SinkConfig>>;

/// Bound on the number of sinks: each has a thread of its own.
constexpr std::size_t kSinksMax = 64;

}  // namespace penstock::sinks

template <>
struct penstock::config::Scalar<penstock::sinks::StartAt> {
    static Result<sinks::StartAt> parse(std::string_view text) {
        return sinks::StartAt::parse(text);
    }
    static std::string print(const sinks::StartAt& at) { return at.text(); }
    static constexpr std::string_view kType = "earliest, latest or a time";
};

template <>
struct penstock::config::Scalar<penstock::sinks::Where> {
    static Result<sinks::Where> parse(std::string_view text) { return sinks::Where::parse(text); }
    static std::string print(const sinks::Where& where) { return config::print(where.text()); }
    static constexpr std::string_view kType = "expression";
};

template <>
struct penstock::config::Fields<penstock::sinks::RetryConfig> {
    static Table<sinks::RetryConfig> table();
    static void check(const sinks::RetryConfig&, const Origin&, Problems&);
};

/// The keys in common: they come before the keys of the sink's own table.
template <>
struct penstock::config::Fields<penstock::sinks::SinkConfig> {
    static Table<sinks::SinkConfig> table();
};

/// What `type:` may say: the types of registry.h.
template <>
struct penstock::config::Kinds<penstock::sinks::SinkConfig> {
    static KindList<sinks::SinkConfig> list();
};
