#include "sinks/archive/record_columns.h"

#include "base/json_text.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

namespace penstock::sinks {

namespace {

using parquet::Column;
using parquet::Meaning;
using parquet::Type;

const std::array<Column, kOwnColumns>& own_columns() {
    static const std::array<Column, kOwnColumns> columns{
        Column{"journal", Type::byte_array, Meaning::text, false},
        Column{"lsn", Type::int64, Meaning::none, false},
        Column{"stream", Type::byte_array, Meaning::text, false},
        Column{"device", Type::byte_array, Meaning::text, false},
        Column{"client", Type::byte_array, Meaning::text, true},
        Column{"topic", Type::byte_array, Meaning::text, true},
        Column{"source", Type::byte_array, Meaning::text, false},
        Column{"sequence", Type::int64, Meaning::none, true},
        Column{"event_time", Type::int64, Meaning::timestamp, false},
        Column{"event_time_replaced", Type::boolean, Meaning::none, false},
        Column{"received_at", Type::int64, Meaning::timestamp, false},
        Column{"status", Type::byte_array, Meaning::text, true},
        Column{"score", Type::float64, Meaning::none, true},
        Column{"score_field", Type::byte_array, Meaning::text, true},
        Column{"expected", Type::float64, Meaning::none, true},
        Column{"deviation", Type::float64, Meaning::none, true},
        Column{"retain", Type::boolean, Meaning::none, false},
        Column{"duplicate", Type::boolean, Meaning::none, false},
        Column{"quarantined", Type::boolean, Meaning::none, false},
        Column{"reason", Type::byte_array, Meaning::text, true},
        Column{"rest", Type::byte_array, Meaning::json, true},
        Column{"payload", Type::byte_array, Meaning::none, true},
    };
    return columns;
}

Column column_of(const DeclaredField& field) {
    switch (field.type) {
        case FieldType::boolean:
            return {field.name, Type::boolean, Meaning::none, true};
        case FieldType::integer:
            return {field.name, Type::int64, Meaning::none, true};
        case FieldType::number:
            return {field.name, Type::float64, Meaning::none, true};
        case FieldType::string:
            return {field.name, Type::byte_array, Meaning::text, true};
        case FieldType::null:
        case FieldType::json:
            break;
    }
    return {field.name, Type::byte_array, Meaning::json, true};
}

}  // namespace

std::vector<DeclaredField> column_fields(const std::vector<DeclaredField>& declared) {
    std::set<std::string_view> taken;
    for (const Column& column : own_columns())
        taken.insert(column.name);
    std::vector<DeclaredField> fields;
    for (const DeclaredField& field : declared) {
        if (fields.size() == kFieldColumnsMax) break;
        if (valid_utf8(field.name) && taken.insert(field.name).second) fields.push_back(field);
    }
    return fields;
}

std::vector<Column> table_schema(const std::vector<DeclaredField>& fields) {
    std::vector<Column> schema(own_columns().begin(), own_columns().end());
    schema.reserve(kOwnColumns + fields.size());
    for (const DeclaredField& field : fields)
        schema.push_back(column_of(field));
    return schema;
}

}  // namespace penstock::sinks
