#pragma once

#include "penstock/record.h"

#include <functional>
#include <string>
#include <vector>

namespace penstock::sinks {

/// A field that the settings of a stream declare.
struct DeclaredField {
    std::string name;
    FieldType type = FieldType::json;  // json: of any kind

    friend bool operator==(const DeclaredField&, const DeclaredField&) = default;
};

/// The fields that streams declare, as the settings are now. No names: those of all streams. A
/// field on which two streams disagree is of any kind. Threads: any thread.
using FieldCatalog =
    std::function<std::vector<DeclaredField>(const std::vector<std::string>& streams)>;

}  // namespace penstock::sinks
