#pragma once

#include "penstock/result.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace penstock::sinks {

/// JSON objects as DynamoDB writes them: `{"a":1,"b":["x"]}` is
/// `"a":{"N":"1"},"b":{"L":[{"S":"x"}]}`. Numbers keep their digits. A member at the top that has
/// the name of one of the key's attributes stands under `payload.<name>`. Source: Amazon DynamoDB
/// API reference, "AttributeValue"; developer guide, "DynamoDB item sizes". Threads: immutable.
class AttributeWriter {
public:
    static constexpr std::size_t kDepthMax = 32;

    /// An empty `sort_key`: none.
    AttributeWriter(std::string_view partition_key, std::string_view sort_key)
        : partition_key_(partition_key), sort_key_(sort_key) {}

    /// Appends the attributes of an object, without braces around them and with a comma in front of
    /// each. Returns their size as the service counts it. Errors: malformed (no JSON object),
    /// too_large (nested deeper than kDepthMax).
    [[nodiscard]] Result<std::size_t> append(std::string_view object, std::string& out) const;

private:
    std::string partition_key_;
    std::string sort_key_;
};

}  // namespace penstock::sinks
