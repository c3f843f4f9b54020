#include "sinks/document/batch_write.h"

#include "sinks/transport/aws_json.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace penstock::sinks {
namespace {

using simdjson::dom::element;

/// What a ValidationException says when it is about a value of an item.
constexpr std::array<std::string_view, 13> kAboutItem{
    "AttributeValue",
    "Index Key",
    "Item size",
    "Magnitude",
    "Nesting",
    "Number overflow",
    "Number underflow",
    "hashkey",
    "magnitude",
    "nesting",
    "rangekey",
    "secondary index key",
    "significant digits",
};

/// Partition and sort key of a write request, as the service knows an item.
using Key = std::pair<std::string, std::string>;

bool read_key(
    const element& request, const std::string& partition_key, const std::string& sort_key, Key& key
) {
    element item;
    std::string_view text;
    if (request["PutRequest"]["Item"].get(item) != simdjson::SUCCESS ||
        item[partition_key]["S"].get_string().get(text) != simdjson::SUCCESS) {
        return false;
    }
    key.first = text;
    key.second.clear();
    if (sort_key.empty()) return true;
    if (item[sort_key]["S"].get_string().get(text) != simdjson::SUCCESS) return false;
    key.second = text;
    return true;
}

}  // namespace

Result<std::vector<std::size_t>> unprocessed(
    std::string_view body,
    const std::string& table,
    const std::string& partition_key,
    const std::string& sort_key,
    const std::vector<std::string_view>& entries
) {
    const Error unclear{Errc::malformed, "the answer does not tell what became of each item"};
    simdjson::dom::parser parser;
    element root;
    simdjson::dom::object left;
    if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS) return unclear;
    if (root["UnprocessedItems"].get_object().get(left) != simdjson::SUCCESS) return unclear;
    std::vector<std::size_t> places;
    simdjson::dom::array requests;
    if (left[table].get_array().get(requests) != simdjson::SUCCESS) {
        if (left.size() != 0) return unclear;
        return places;
    }
    std::map<Key, std::size_t> sent;
    simdjson::dom::parser own_parser;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        element entry;
        Key key;
        if (own_parser.parse(entries[i].data(), entries[i].size()).get(entry) !=
                simdjson::SUCCESS ||
            !read_key(entry, partition_key, sort_key, key)) {
            return unclear;
        }
        sent.emplace(std::move(key), i);
    }
    for (const element request : requests) {
        Key key;
        if (!read_key(request, partition_key, sort_key, key)) return unclear;
        const auto found = sent.find(key);
        if (found == sent.end()) return unclear;
        places.push_back(found->second);
    }
    std::ranges::sort(places);
    places.erase(std::ranges::unique(places).begin(), places.end());
    return places;
}

WriteAnswer judge_batch_write(const HttpResponse& response, Nanoseconds wall) {
    WriteAnswer answer;
    const AwsError error = aws_error(response);
    answer.failure = aws_failure(response, wall);
    answer.reason = answer.failure.message;
    const bool about_item = std::ranges::any_of(kAboutItem, [&error](std::string_view text) {
        return error.message.find(text) != std::string::npos;
    });
    if (response.status == 413 || error.code == "RequestEntityTooLargeException") {
        answer.verdict = WriteVerdict::too_large;
    } else if ((error.code == "ValidationException" && about_item) ||
               error.code == "SerializationException") {
        answer.verdict = WriteVerdict::bad_records;
    }
    return answer;
}

}  // namespace penstock::sinks
