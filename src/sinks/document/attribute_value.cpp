#include "sinks/document/attribute_value.h"

#include "base/json_text.h"

#include <simdjson.h>

namespace penstock::sinks {
namespace {

namespace ondemand = simdjson::ondemand;

/// Of a list or a map, and of each thing in it.
constexpr std::size_t kNestSize = 3;

/// One value after the other, each read once.
class Writer {
public:
    explicit Writer(std::string& out) : out_(out) {}

    void value(ondemand::value value, std::size_t depth) {
        if (depth > AttributeWriter::kDepthMax) too_deep_ = true;
        if (too_deep_) return;
        ondemand::json_type type{};
        if (value.type().get(type) != simdjson::SUCCESS) return broken();
        switch (type) {
            case ondemand::json_type::object:
                return map(value, depth);
            case ondemand::json_type::array:
                return list(value, depth);
            case ondemand::json_type::number:
                return number(value);
            case ondemand::json_type::string:
                return string(value);
            case ondemand::json_type::boolean: {
                bool truth = false;
                broken_ |= value.get_bool().get(truth) != simdjson::SUCCESS;
                out_ += truth ? R"({"BOOL":true})" : R"({"BOOL":false})";
                ++size_;
                return;
            }
            case ondemand::json_type::null:
                out_ += R"({"NULL":true})";
                ++size_;
                return;
        }
        broken_ = true;
    }
    void name(std::string_view name) {
        append_json_string(name, out_);
        out_ += ':';
        size_ += name.size();
    }
    void broken() { broken_ = true; }

    [[nodiscard]] Result<std::size_t> result() const {
        if (too_deep_) return Error{Errc::too_large, "nested deeper than 32 levels"};
        if (broken_) return Error{Errc::malformed, "no JSON object"};
        return size_;
    }

private:
    void number(ondemand::value& value) {
        std::string_view text = value.raw_json_token();
        text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
        out_ += R"({"N":")";
        out_ += text;
        out_ += "\"}";
        size_ += text.size() / 2 + 2;
    }
    void string(ondemand::value& value) {
        std::string_view text;
        if (value.get_string().get(text) != simdjson::SUCCESS) return broken();
        out_ += R"({"S":)";
        append_json_string(text, out_);
        out_ += '}';
        size_ += text.size();
    }
    void map(ondemand::value& value, std::size_t depth) {
        ondemand::object object;
        if (value.get_object().get(object) != simdjson::SUCCESS) return broken();
        out_ += R"({"M":{)";
        size_ += kNestSize;
        for (auto member : object) {
            std::string_view key;
            ondemand::value inner;
            if (member.unescaped_key().get(key) != simdjson::SUCCESS) return broken();
            separate();
            name(key);
            if (member.value().get(inner) != simdjson::SUCCESS) return broken();
            this->value(inner, depth + 1);
            ++size_;
        }
        out_ += "}}";
    }
    void list(ondemand::value& value, std::size_t depth) {
        ondemand::array array;
        if (value.get_array().get(array) != simdjson::SUCCESS) return broken();
        out_ += R"({"L":[)";
        size_ += kNestSize;
        for (auto element : array) {
            ondemand::value inner;
            if (element.get(inner) != simdjson::SUCCESS) return broken();
            separate();
            this->value(inner, depth + 1);
            ++size_;
        }
        out_ += "]}";
    }
    void separate() {
        if (out_.back() != '{' && out_.back() != '[') out_ += ',';
    }

    std::string& out_;
    std::size_t size_ = 0;
    bool too_deep_ = false;
    bool broken_ = false;
};

}  // namespace

Result<std::size_t> AttributeWriter::append(std::string_view object, std::string& out) const {
    ondemand::parser parser;
    const simdjson::padded_string padded(object);
    ondemand::document document;
    ondemand::object members;
    Writer writer(out);
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.get_object().get(members) != simdjson::SUCCESS) {
        writer.broken();
        return writer.result();
    }
    for (auto member : members) {
        std::string_view key;
        ondemand::value value;
        if (member.unescaped_key().get(key) != simdjson::SUCCESS) {
            writer.broken();
            break;
        }
        out += ',';
        const bool taken = key == partition_key_ || (!sort_key_.empty() && key == sort_key_);
        writer.name(taken ? "payload." + std::string(key) : std::string(key));
        if (member.value().get(value) != simdjson::SUCCESS) {
            writer.broken();
            break;
        }
        writer.value(value, 1);
    }
    return writer.result();
}

}  // namespace penstock::sinks
