#pragma once

#include "config/table.h"

#include <string>
#include <vector>

/// Prints what can be set, from the tables: docs/CONFIG.md, config/penstock.yaml and `penstock
/// --reference`.
namespace penstock::config {

/// One key of a table.
/// Threads: immutable.
struct KeyLine {
    const FieldBase* field;
    const void* defaults;  // the object that `field->print` and `field->below` take
    bool needs_restart;
};

/// The keys of tables, those of tables merged into them in place.
[[nodiscard]] std::vector<KeyLine> lines_of(const Below::Keys& keys);

/// A settings struct as a choice of one.
[[nodiscard]] Below::Keys whole(const TableBase& settings);

/// One key, with the path that leads to it: `streams.<name>.fields.<name>.min`.
/// Threads: immutable.
struct ReferenceLine {
    std::string table;  // the path of the table: "" for the top, `sinks.<name>` ...
    std::string kind;   // when the table is one of several, the value of `type:`
    std::string kind_help;
    std::string
        same_as;  // the path of the first table with the same keys, when this is a later one
    std::string key;
    std::string type;
    std::string value;  // the default as YAML; "" when there is none or it is a table
    std::string help;
    std::vector<std::string> rules;  // "be between 1MiB and 4GiB"
    bool required = false;
    bool needs_restart = false;  // it says so itself, or a table that it is in does
    bool says_restart = false;   // it says so itself

    /// `sinks.<name>.topic`
    [[nodiscard]] std::string path() const;
};

/// All keys of a settings struct, tables after the table that holds them. Bound: eight tables deep.
[[nodiscard]] std::vector<ReferenceLine> reference_lines(const TableBase& settings);

/// The reference as Markdown: a section per table, a row per key. Tables with the same keys are
/// printed once.
[[nodiscard]] std::string reference_markdown(const TableBase& settings);

/// The reference as a settings file: every key with its help above it and its default. What has no
/// default (required keys, tables that are not there, entries of maps and lists) is commented out,
/// so the file reads as the defaults.
[[nodiscard]] std::string reference_yaml(const TableBase& settings);

}  // namespace penstock::config
