#pragma once

#include "base/record_json.h"
#include "config/field.h"
#include "penstock/ids.h"
#include "penstock/record.h"
#include "sinks/attribute.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// How a record becomes one message.
enum class OutputForm : std::uint8_t {
    enriched,  // record_json.h: what the device sent, and what Penstock adds
    raw,       // the payload, byte for byte
    flat,      // one JSON object without objects in it: names of nested fields have dots
    nested,    // chosen fields; names with dots become objects
};

/// Keys that stand in the table of each sink that writes messages.
struct OutputConfig {
    OutputForm format = OutputForm::enriched;
    std::vector<std::string> fields;
    config::OrderedMap<std::string> rename;
};

/// Writes records as messages.
///
/// `flat` and `nested` write the chosen `fields`, in that order, each under its name in `rename`,
/// those that a record has not are left out. `flat` without a choice writes every field, then
/// `status`, `score` and the attributes that identify a record: `_penstock.journal`,
/// `_penstock.lsn`, `_penstock.stream`, `_penstock.device` and `_penstock.eventTime`; a field of
/// the device whose name begins with `_penstock` stands under `payload.`. A record without fields
/// of its own (quarantined, or a payload that is no object) takes the enriched form in both.
/// Threads: immutable.
class OutputEncoder {
public:
    /// Precondition: settings that passed their check.
    OutputEncoder(const OutputConfig& config, const JournalId& journal);

    [[nodiscard]] bool raw() const noexcept { return form_ == OutputForm::raw; }
    /// Appends the message, without a line break behind it. Every form but raw is one line.
    void append(Lsn lsn, const RecordView& record, std::string& out) const;

private:
    struct Chosen {
        RecordName name;
        std::string key;                  // as JSON text, with its colon
        std::vector<std::string> groups;  // the objects that it stands in: `"name":{`
    };
    void append_chosen(Lsn lsn, const RecordView& record, std::string& out) const;
    void append_all(Lsn lsn, const RecordView& record, std::string& out) const;
    void append_key(std::string_view name, std::string& out) const;

    OutputForm form_;
    std::string journal_;
    RecordJson json_;
    config::OrderedMap<std::string> rename_;
    std::vector<Chosen> chosen_;
};

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::OutputConfig> {
    static Table<sinks::OutputConfig> table();
    static void check(const sinks::OutputConfig&, const Origin&, Problems&);
};
