#include "sinks/where.h"

#include "expression/parser.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <variant>

namespace penstock::sinks {

Result<Where> Where::parse(std::string_view text) {
    Where where;
    where.text_ = text;
    if (text.empty()) return where;
    const auto resolve = [&where](const std::string& name
                         ) -> std::variant<std::uint16_t, std::string> {
        const auto known =
            std::find_if(where.names_.begin(), where.names_.end(), [&name](const RecordName& n) {
                return n.text() == name;
            });
        if (known != where.names_.end()) {
            return static_cast<std::uint16_t>(known - where.names_.begin());
        }
        if (where.names_.size() == kNamesMax) return "an expression may name 64 fields";
        auto made = RecordName::parse(name);
        if (!made) return "Penstock knows no '" + name + "' of a record";
        where.names_.push_back(*std::move(made));
        return static_cast<std::uint16_t>(where.names_.size() - 1);
    };
    auto compiled = expression::compile(text, resolve);
    if (const auto* wrong = std::get_if<expression::ExpressionError>(&compiled)) {
        return Error{
            Errc::invalid_argument,
            "is no expression, at character " + std::to_string(wrong->offset + 1) + ": " +
                wrong->message
        };
    }
    where.program_ = std::get<expression::Program>(std::move(compiled));
    return where;
}

bool Where::holds(Lsn lsn, const RecordView& record, Scratch& scratch) const {
    if (empty()) return true;
    scratch.values.resize(names_.size());
    scratch.texts.resize(names_.size());
    for (std::size_t i = 0; i < names_.size(); ++i)
        scratch.values[i] = names_[i].value(lsn, record, scratch.texts[i]);
    return program_.holds(scratch.values);
}

}  // namespace penstock::sinks
