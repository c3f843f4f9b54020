#pragma once

#include "expression/program.h"
#include "penstock/ids.h"
#include "penstock/record.h"
#include "penstock/result.h"
#include "sinks/attribute.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// `where:`, a condition that a record has to meet to be for a sink: an expression
/// (expression/parser.h) over the names of attribute.h. One that is empty holds for every record.
/// Threads: immutable.
class Where {
public:
    /// Fields that one condition may name.
    static constexpr std::size_t kNamesMax = 64;

    /// What holds() works in, so that it allocates nothing. Threads: owner.
    struct Scratch {
        std::vector<expression::Value> values;
        std::vector<std::string> texts;
    };

    Where() = default;
    /// Errors: invalid_argument, with the place in the text.
    [[nodiscard]] static Result<Where> parse(std::string_view text);

    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
    [[nodiscard]] bool holds(Lsn lsn, const RecordView& record, Scratch& scratch) const;

private:
    std::string text_;
    std::vector<RecordName> names_;  // by slot
    expression::Program program_;
};

}  // namespace penstock::sinks
