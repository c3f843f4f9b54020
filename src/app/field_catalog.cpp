#include "app/field_catalog.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace penstock::app {
namespace {

using sinks::DeclaredField;

FieldType type_of(inspect::ValueType type) {
    using inspect::ValueType;
    switch (type) {
        case ValueType::number:
            return FieldType::number;
        case ValueType::integer:
            return FieldType::integer;
        case ValueType::string:
            return FieldType::string;
        case ValueType::boolean:
            return FieldType::boolean;
        case ValueType::any:
        case ValueType::object:
        case ValueType::array:
            break;
    }
    return FieldType::json;
}

/// What both kinds of values fit.
FieldType common(FieldType a, FieldType b) {
    if (a == b) return a;
    const auto number = [](FieldType t) {
        return t == FieldType::integer || t == FieldType::number;
    };
    return number(a) && number(b) ? FieldType::number : FieldType::json;
}

void add(std::vector<DeclaredField>& all, const DeclaredField& field) {
    const auto known = std::find_if(all.begin(), all.end(), [&field](const DeclaredField& f) {
        return f.name == field.name;
    });
    if (known == all.end()) {
        all.push_back(field);
    } else {
        known->type = common(known->type, field.type);
    }
}

}  // namespace

struct DeclaredFields::State {
    std::mutex mutex;
    std::vector<std::pair<std::string, std::vector<DeclaredField>>> streams;
};

DeclaredFields::DeclaredFields() : state_(std::make_shared<State>()) {}

void DeclaredFields::set(const inspect::Config& config) {
    std::vector<std::pair<std::string, std::vector<DeclaredField>>> streams;
    for (const auto& [id, stream] : config.streams) {
        auto& fields = streams.emplace_back(id, std::vector<DeclaredField>{}).second;
        for (const auto& [name, field] : stream.fields)
            fields.push_back({name, type_of(field.type)});
        for (const auto& [name, expression] : stream.derive)
            add(fields, {name, FieldType::json});
    }
    const std::lock_guard lock(state_->mutex);
    state_->streams = std::move(streams);
}

sinks::FieldCatalog DeclaredFields::catalog() const {
    return [state = state_](const std::vector<std::string>& wanted) {
        std::vector<DeclaredField> all;
        const std::lock_guard lock(state->mutex);
        for (const auto& [id, fields] : state->streams) {
            const bool asked =
                wanted.empty() || std::find(wanted.begin(), wanted.end(), id) != wanted.end();
            if (!asked) continue;
            for (const DeclaredField& field : fields)
                add(all, field);
        }
        return all;
    };
}

}  // namespace penstock::app
