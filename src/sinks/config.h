#pragma once

#include "config/field.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::sinks {

/// Where a sink without a cursor begins.
enum class StartAt : std::uint8_t {
    earliest,  // with the oldest record that the journal still holds
    latest,    // with the first record after the sink was added
};

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
    StartAt start_at = StartAt::earliest;
    RetryConfig retry;
    config::Origin origin;
};

/// The sinks of the configuration, by id, in the order of the file.
using SinksConfig = config::OrderedMap<config::Variant<SinkConfig>>;

/// Bound on the number of sinks: each has a thread of its own.
constexpr std::size_t kSinksMax = 64;

}  // namespace penstock::sinks

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
