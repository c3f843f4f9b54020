#include "sinks/document/bulk_answer.h"

#include "sinks/transport/http_client.h"

#include <simdjson.h>

#include <algorithm>
#include <array>

namespace penstock::sinks {
namespace {

using simdjson::dom::element;

constexpr std::array<std::string_view, 7> kAboutDocument{
    "document_parsing_exception",  // Elasticsearch 8.8 and newer
    "illegal_argument_exception",  // a term too long, a field too many, a type that changed
    "mapper_exception",
    "mapper_parsing_exception",
    "parsing_exception",
    "strict_dynamic_mapping_exception",
    "x_content_parse_exception",
};
/// What an illegal_argument_exception says when it is not about the document.
constexpr std::array<std::string_view, 3> kAboutIndex{
    "write index",  // an alias without one
    "maximum normal shards open",
    "data stream",
};

std::string_view text_at(const element& object, std::string_view name) {
    std::string_view text;
    if (object[name].get_string().get(text) != simdjson::SUCCESS) return {};
    return text;
}

bool about_document(std::int64_t status, std::string_view type, std::string_view reason) {
    if (status != 400 || std::ranges::find(kAboutDocument, type) == kAboutDocument.end())
        return false;
    return type != "illegal_argument_exception" ||
           std::ranges::none_of(kAboutIndex, [reason](std::string_view text) {
               return reason.find(text) != std::string_view::npos;
           });
}

std::string sentence(std::int64_t status, const element& error) {
    std::string text = std::to_string(status) + ' ' + excerpt(text_at(error, "type"));
    if (const auto reason = text_at(error, "reason"); !reason.empty())
        text += ": " + excerpt(reason);
    element cause;
    if (error["caused_by"].get(cause) != simdjson::SUCCESS) return text;
    if (const auto reason = text_at(cause, "reason"); !reason.empty())
        text += " (" + excerpt(reason) + ')';
    return text;
}

/// Of one document.
void judge(std::size_t place, std::int64_t status, const element& item, BulkAnswer& answer) {
    if ((status >= 200 && status < 300) || status == 409) return;
    element error;
    if (item["error"].get(error) != simdjson::SUCCESS) error = item;
    std::string text = sentence(status, error);
    if (about_document(status, text_at(error, "type"), text_at(error, "reason"))) {
        answer.refused.emplace_back(place, std::move(text));
        return;
    }
    const FailureClass kind = class_of_status(static_cast<int>(status));
    SinkFailure why{kind, std::move(text), std::nullopt};
    if (kind == FailureClass::transient || kind == FailureClass::throttled) {
        answer.again.push_back(place);
        answer.why = std::move(why);
    } else {
        answer.failure = std::move(why);
    }
}

}  // namespace

Result<BulkAnswer> judge_bulk(std::string_view body, std::size_t count) {
    const Error unclear{Errc::malformed, "the answer does not tell what became of each document"};
    simdjson::dom::parser parser;
    element root;
    simdjson::dom::array items;
    if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS ||
        root["items"].get_array().get(items) != simdjson::SUCCESS || items.size() != count) {
        return unclear;
    }
    BulkAnswer answer;
    std::size_t place = 0;
    for (const element one : items) {
        element item;
        std::int64_t status = 0;
        if (one["create"].get(item) != simdjson::SUCCESS ||
            item["status"].get_int64().get(status) != simdjson::SUCCESS) {
            return unclear;
        }
        judge(place++, status, item, answer);
    }
    return answer;
}

}  // namespace penstock::sinks
