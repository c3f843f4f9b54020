#pragma once

#include "config/table.h"

#include <string>
#include <vector>

/// Prints what can be set, from the tables: docs/CONFIG.md and `penstock --reference`.
namespace penstock::config {

/// One key, with the path that leads to it: `streams.<name>.fields.<name>.min`.
/// Threads: immutable.
struct ReferenceLine {
    std::string table;  // the path of the table: "" for the top, `sinks.<name>` ...
    std::string kind;   // when the table is one of several, the value of `type:`
    std::string kind_help;
    std::string key;
    std::string type;
    std::string value;  // the default as YAML; "" when there is none or it is a table
    std::string help;
    std::vector<std::string> rules;  // "be between 1MiB and 4GiB"
    bool required = false;

    /// `sinks.<name>.topic`
    [[nodiscard]] std::string path() const;
};

/// All keys of a settings struct, tables after the table that holds them. Bound: eight tables deep.
[[nodiscard]] std::vector<ReferenceLine> reference_lines(const TableBase& settings);

/// The reference as Markdown: a section per table, a row per key.
[[nodiscard]] std::string reference_markdown(const TableBase& settings);

}  // namespace penstock::config
