#pragma once

#include "penstock/clock.h"
#include "penstock/ids.h"
#include "penstock/sink.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// What every sink has to hold, run against its fake far side (with faults) and again against the
/// real server. In the sink's own test file:
///
///     PS_SINK_CONTRACT("kafka, mock", "[kafka]", [] { return std::make_unique<MockKafka>(); })
///     PS_SINK_CONTRACT("kafka, broker", "[kafka][server]", [] { return std::make_unique<Broker>();
///     })
///
/// A far side that cannot show a case states why in `lacks...()`: the case is left out with that
/// note. What no real server does on demand is shown by the fake one, which lacks nothing that its
/// protocol knows.
namespace penstock::sinks::contract {

/// What a far side can be told to do to a sink.
enum class Fault : std::uint8_t {
    none,
    unreachable,        // connections are refused
    reset_after_write,  // takes the next batch in, then breaks the connection without an answer
                        // (once)
    half_accepted,  // takes the first half of the next batch, fails the rest in a way that may pass
                    // (once)
    throttled,      // answers "too much" (with a retry time where the protocol has one) until told
                    // otherwise
    denied,         // refuses the credentials until told otherwise
    hang,           // takes connections and bytes and never answers
    crash,          // dies without notice and is back at once with what it had made durable
};

/// One record as the far side holds it. Records are told apart by event time: the suite never uses
/// one twice.
struct Arrival {
    std::string device;
    Nanoseconds event_time = 0;
    std::optional<Lsn> lsn;            // where the far side keeps it
    std::optional<std::string> value;  // what the far side holds for the field `heartRate`, as text
};

/// A destination under test: the far side and how to make a sink for it. Each case makes a new one
/// (a new topic, bucket prefix, measurement...; servers themselves are better shared).
class FarSide {
public:
    virtual ~FarSide() = default;

    /// A sink with settings that suit a test: small batches (about 50 records), short linger and
    /// time-outs (<= 1 s). Called again after a simulated crash: state on disk
    /// (SinkContext::state_dir) stays the same within one FarSide.
    [[nodiscard]] virtual std::unique_ptr<Sink> make_sink(const JournalId& journal) = 0;
    /// Everything that arrived so far, in the far side's order for each device, duplicates
    /// included.
    [[nodiscard]] virtual std::vector<Arrival> arrived() = 0;

    /// Why it cannot be told to do this; empty: it can.
    [[nodiscard]] virtual std::string lacks(Fault fault) const = 0;
    virtual void set(Fault fault) = 0;

    /// A payload that this far side refuses for good while it takes its neighbours. The suite puts
    /// it into one record of a batch.
    [[nodiscard]] virtual std::string refused_payload() { return {}; }
    /// Why there is none.
    [[nodiscard]] virtual std::string lacks_refusal() const { return {}; }
    /// A payload that is too large for this far side, or for the bound that the sink has for it.
    [[nodiscard]] virtual std::string oversized_payload() { return {}; }
    /// Why there is none.
    [[nodiscard]] virtual std::string lacks_size_bound() const { return {}; }
    /// Why it holds records in no order (one value per device and time); empty: it keeps theirs.
    [[nodiscard]] virtual std::string lacks_order() const { return {}; }
    /// Longest time in which a delivery that can succeed has succeeded.
    [[nodiscard]] virtual Nanoseconds patience() const { return 20 * kSecond; }
};

/// Null where the server cannot run (after a WARN that says why): the case then passes as skipped.
using FarSideFactory = std::function<std::unique_ptr<FarSide>()>;

void delivers_all(const FarSideFactory& make);
void keeps_order_per_device(const FarSideFactory& make);
void survives_kill_mid_batch(const FarSideFactory& make);
void survives_half_accepted_batch(const FarSideFactory& make);
void waits_while_throttled(const FarSideFactory& make);
void survives_reset_after_write(const FarSideFactory& make);
void waits_while_unreachable(const FarSideFactory& make);
void alarms_on_wrong_credentials(const FarSideFactory& make);
void quarantines_only_the_refused(const FarSideFactory& make);
void quarantines_only_the_oversized(const FarSideFactory& make);
void survives_far_crash(const FarSideFactory& make);
void carries_hostile_device_ids(const FarSideFactory& make);
void stops_while_hung(const FarSideFactory& make);
void never_reports_ahead(const FarSideFactory& make);

/// All of them as sections of one test case: for a real server that all sections share. (Each test
/// case is a program run of its own, and would start a server of its own.)
void keeps_all(const FarSideFactory& make);

}  // namespace penstock::sinks::contract

// clang-format off
#define PS_SINK_CONTRACT(label, tags, ...)                                                                          \
    TEST_CASE(label ": delivers every record", tags "[contract]")                                                   \
    { penstock::sinks::contract::delivers_all(__VA_ARGS__); }                                                       \
    TEST_CASE(label ": keeps the order of each device", tags "[contract][S04]")                                     \
    { penstock::sinks::contract::keeps_order_per_device(__VA_ARGS__); }                                             \
    TEST_CASE(label ": loses nothing when killed in the middle of a batch", tags "[contract]")                      \
    { penstock::sinks::contract::survives_kill_mid_batch(__VA_ARGS__); }                                            \
    TEST_CASE(label ": loses nothing when half a batch is taken", tags "[contract][S05]")                           \
    { penstock::sinks::contract::survives_half_accepted_batch(__VA_ARGS__); }                                       \
    TEST_CASE(label ": waits while throttled and then delivers", tags "[contract]")                                 \
    { penstock::sinks::contract::waits_while_throttled(__VA_ARGS__); }                                              \
    TEST_CASE(label ": loses nothing when the connection breaks after the write", tags "[contract][S03]")           \
    { penstock::sinks::contract::survives_reset_after_write(__VA_ARGS__); }                                         \
    TEST_CASE(label ": waits while the far side is unreachable", tags "[contract][S01]")                            \
    { penstock::sinks::contract::waits_while_unreachable(__VA_ARGS__); }                                            \
    TEST_CASE(label ": wrong credentials are an alarm and no loss", tags "[contract]")                              \
    { penstock::sinks::contract::alarms_on_wrong_credentials(__VA_ARGS__); }                                        \
    TEST_CASE(label ": one refused record is quarantined, the rest kept", tags "[contract][S07]")                   \
    { penstock::sinks::contract::quarantines_only_the_refused(__VA_ARGS__); }                                       \
    TEST_CASE(label ": one record too large is quarantined, the rest kept", tags "[contract][S07]")                 \
    { penstock::sinks::contract::quarantines_only_the_oversized(__VA_ARGS__); }                                     \
    TEST_CASE(label ": loses nothing when the far side dies just after it confirmed", tags "[contract][S13]")       \
    { penstock::sinks::contract::survives_far_crash(__VA_ARGS__); }                                                 \
    TEST_CASE(label ": unicode and hostile device ids arrive as they are", tags "[contract]")                       \
    { penstock::sinks::contract::carries_hostile_device_ids(__VA_ARGS__); }                                         \
    TEST_CASE(label ": stops within its bound while the far side hangs", tags "[contract]")                         \
    { penstock::sinks::contract::stops_while_hung(__VA_ARGS__); }                                                   \
    TEST_CASE(label ": never reports a record as safe before it has arrived", tags "[contract][S13]")               \
    { penstock::sinks::contract::never_reports_ahead(__VA_ARGS__); }
// clang-format on
