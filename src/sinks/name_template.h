#pragma once

#include "penstock/record.h"
#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// What a template of one kind of name may hold.
/// Threads: immutable.
struct NameRules {
    /// What text of a record becomes in the name.
    enum class Escape : std::uint8_t {
        percent,      // all but A-Z a-z 0-9 - _ . ~ as %XX; long ones end in a hash (base/text.h)
        percent_dot,  // the same, and `.` too: one token of a name that dots divide
        underscore,   // all but A-Z a-z 0-9 - _ . as _: for words of the settings only
        lower,        // the same, and A-Z as a-z
        none,         // as it is: for keys, which are data and no names
    };
    Escape escape = Escape::percent;
    bool literal_prefix = true;   // R7: a name begins with text that no device chose
    bool device_text = true;      // {device}, {client} and {topic} may stand in it
    std::size_t size_max = 1024;  // of the literal text, and of the name
    /// Bytes that the literal text must not hold, beside control characters.
    std::string_view forbidden{};
};

/// A name made of literal text and of `{device}`, `{client}`, `{stream}`, `{status}` and `{topic}`
/// of a record: a topic, a subject, a key, a path. What a device chose cannot leave its place (R7).
///
///     telemetry.{stream}      at NATS      telemetry.wearables
///     readings/{device}       at MQTT      readings/..%2F..%2Fetc
///
/// Threads: immutable.
class NameTemplate {
public:
    NameTemplate() = default;
    /// Errors: invalid_argument; the message continues "'key' ": "must begin with ...".
    [[nodiscard]] static Result<NameTemplate> parse(
        std::string_view pattern, const NameRules& rules
    );

    /// The name for a record, in `scratch` or in this template. One that would pass size_max is cut
    /// there and ends in a hash of the whole.
    [[nodiscard]] std::string_view of(const RecordView& record, std::string& scratch) const;
    /// The same for every record.
    [[nodiscard]] bool constant() const noexcept { return parts_.empty(); }

private:
    enum class Source : std::uint8_t { device, client, stream, status, topic };
    struct Part {
        Source source;
        std::string behind;  // literal text up to the next part
    };
    [[nodiscard]] static std::string_view text_of(Source source, const RecordView& record);
    void append_escaped(std::string_view text, std::string& out) const;

    NameRules rules_;
    std::string before_;  // literal text up to the first part
    std::vector<Part> parts_;
};

}  // namespace penstock::sinks
