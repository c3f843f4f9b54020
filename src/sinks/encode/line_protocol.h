#pragma once

#include "config/ordered_map.h"
#include "penstock/clock.h"
#include "penstock/ids.h"
#include "penstock/record.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// The unit that times are written in; the far side is told (`precision=`).
enum class TimePrecision : std::uint8_t { nanoseconds, microseconds, milliseconds, seconds };

/// What a point is made of.
struct LineFormat {
    std::string measurement;  // empty: the record's stream
    std::vector<std::string>
        tags;  // deviceId, device, client, status, stream, topic, or a field's name
    std::vector<std::string>
        fields;  // empty: every number and boolean that is no tag, and the score
    config::OrderedMap<std::string> rename;  // keys of tags and fields: name to key
    bool integers = false;                   // whole numbers as integers (`7i`) instead of floats
    bool tie_break = false;                  // see point_time()
    TimePrecision precision = TimePrecision::nanoseconds;
};

/// Writes records as points of the InfluxDB line protocol, one line each:
///
///     wearables,deviceId=w1,status=NORMAL heartRate=80,score=0.25 1767225600000000000
///
/// A record makes exactly one point or none, whatever bytes a device chose, at every server that
/// splits at line feeds first. Numbers are copied digit by digit and are floats unless `integers`
/// is set: a field that is sometimes 72 and sometimes 72.5 keeps one type. Escapes (A10):
/// measurement, tag keys, tag values and field keys get a backslash before `,`, `=` and blank; what
/// no server reads the same way - control characters, DEL, `"`, `\`, bytes that are not UTF-8, a
/// `#` at the beginning of a measurement - becomes %XX, and a `%` that two hexadecimal digits
/// follow becomes %25, so that different texts stay different. String values are quoted; `"` and
/// `\` get a backslash, control characters become %XX. Tags without a value are left out. A field
/// named `time` becomes `time_` (servers reserve it), one without a name `_`. Source: InfluxDB
/// OSS 1.8 reference, "line protocol". Threads: immutable.
class LineEncoder {
public:
    /// What append() did.
    struct Outcome {
        bool point = false;          // false: no field to write, nothing was appended
        std::uint32_t left_out = 0;  // numbers beyond the range of a double
    };

    explicit LineEncoder(LineFormat format);

    /// Appends one line with its line feed, or nothing.
    Outcome append(Lsn lsn, const RecordView& record, std::string& out) const;

private:
    struct Tag {
        std::string name;
        std::string key;  // escaped
    };
    void append_tags(const RecordView& record, std::string& out) const;
    [[nodiscard]] bool is_tag(std::string_view name) const noexcept;

    LineFormat format_;
    std::string measurement_;  // escaped; empty: the stream
    std::vector<Tag> tags_;    // sorted by key, as servers like it
};

/// The time of a point. Points of one device with equal times overwrite each other in every
/// time-series store; with `tie_break` the digits that the device did not send are filled from the
/// LSN: below a millisecond when the time is whole milliseconds, below a microsecond when it is
/// whole microseconds. The same on every attempt.
[[nodiscard]] Nanoseconds point_time(Lsn lsn, Nanoseconds event_time, bool tie_break) noexcept;

/// The escapes by themselves.
void append_line_measurement(std::string_view text, std::string& out);
void append_line_key(std::string_view text, std::string& out);
void append_line_string(std::string_view text, std::string& out);

}  // namespace penstock::sinks
