#include "sinks/stream/resp.h"

#include "base/text.h"

#include <array>
#include <charconv>
#include <utility>

namespace penstock::sinks {
namespace {

void append_number(char sign, std::size_t number, std::string& out) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out += sign;
    out.append(digits.data(), end);
    out += "\r\n";
}

RespReply of(RespReply::Kind kind, std::string_view text) {
    RespReply reply;
    reply.kind = kind;
    reply.text = text;
    return reply;
}

}  // namespace

void begin_resp(std::size_t count, std::string& out) {
    append_number('*', count, out);
}

void append_resp_word(std::string_view word, std::string& out) {
    append_number('$', word.size(), out);
    out += word;
    out += "\r\n";
}

void append_resp(std::initializer_list<std::string_view> words, std::string& out) {
    begin_resp(words.size(), out);
    for (const std::string_view word : words)
        append_resp_word(word, out);
}

std::optional<std::string_view> RespReader::line(std::size_t& at) const {
    const std::size_t end = bytes_.find("\r\n", at);
    if (end == std::string::npos) return std::nullopt;
    const std::string_view text = std::string_view(bytes_).substr(at, end - at);
    at = end + 2;
    return text;
}

std::optional<RespReply> RespReader::bulk(std::size_t& at, std::int64_t size) {
    if (size == -1) return RespReply{};
    if (size < 0 || static_cast<std::uint64_t>(size) > kTextMax) {
        broken_ = true;
        return std::nullopt;
    }
    const auto bytes = static_cast<std::size_t>(size);
    if (bytes_.size() - at < bytes + 2) return std::nullopt;
    RespReply reply = of(RespReply::Kind::text, std::string_view(bytes_).substr(at, bytes));
    at += bytes + 2;
    return reply;
}

std::optional<RespReply> RespReader::array(std::size_t& at, std::int64_t size, int depth) {
    if (size == -1) return RespReply{};
    if (size < 0 || static_cast<std::uint64_t>(size) > kItemsMax || depth == kDepthMax) {
        broken_ = true;
        return std::nullopt;
    }
    RespReply reply = of(RespReply::Kind::array, {});
    for (std::int64_t i = 0; i < size; ++i) {
        auto item = parse(at, depth + 1);
        if (!item) return std::nullopt;
        reply.items.push_back(*std::move(item));
    }
    return reply;
}

std::optional<RespReply> RespReader::parse(std::size_t& at, int depth) {
    const auto text = line(at);
    if (!text) {
        broken_ |= bytes_.size() - at > kTextMax;
        return std::nullopt;
    }
    const char kind = text->empty() ? '\0' : text->front();
    const std::string_view rest = text->empty() ? *text : text->substr(1);
    if (kind == '+') return of(RespReply::Kind::text, rest);
    if (kind == '-') return of(RespReply::Kind::error, rest);
    const auto number = text::parse_int(rest);
    if (number && kind == '$') return bulk(at, *number);
    if (number && kind == '*') return array(at, *number, depth);
    if (!number || kind != ':') {
        broken_ = true;
        return std::nullopt;
    }
    RespReply reply = of(RespReply::Kind::integer, {});
    reply.number = *number;
    return reply;
}

std::optional<RespReply> RespReader::next() {
    if (broken_) return std::nullopt;
    std::size_t at = begin_;
    auto reply = parse(at, 0);
    if (!reply) {
        bytes_.erase(0, begin_);
        begin_ = 0;
        return std::nullopt;
    }
    begin_ = at;
    if (begin_ == bytes_.size()) {
        bytes_.clear();
        begin_ = 0;
    }
    return reply;
}

}  // namespace penstock::sinks
