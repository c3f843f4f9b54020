#include "ingest/http/elements.h"

#include <catch2/catch.hpp>

#include <random>
#include <string>

namespace penstock::ingest::http {
namespace {

std::vector<std::string> split(std::string_view body, Format format = Format::any) {
    std::vector<Element> found;
    std::vector<std::string> out;
    if (const auto fault = split_body(body, format, 100, found))
        return {"fault " + std::to_string(fault->position)};
    for (const Element e : found)
        out.emplace_back(body.substr(e.offset, e.size));
    return out;
}

using Texts = std::vector<std::string>;

/// Where the first element of an array ends, told byte by byte; the body's size when nowhere.
std::size_t plain_end(std::string_view body) {
    int depth = 0;
    bool inside = false;
    for (std::size_t i = 1; i < body.size(); ++i) {
        const char c = body[i];
        if (inside) {
            if (c == '\\') ++i;
            if (c == '"') inside = false;
            continue;
        }
        if (c == '"') inside = true;
        if (depth == 0 && (c == ',' || c == '}' || c == ']')) return i;
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
    }
    return body.size();
}

}  // namespace

TEST_CASE("elements: an array is split at its own commas only", "[ingest][http]") {
    CHECK(split(R"([ {"a":"],[\""} , [1,[2]] ,3 ])") == Texts{R"({"a":"],[\""})", "[1,[2]]", "3"});
    CHECK(split("[]").empty());
    CHECK(split(" [ \n] ").empty());
    CHECK(split(R"(["\\"])") == Texts{R"("\\")"});
}

TEST_CASE("elements: faults say where", "[ingest][http]") {
    CHECK(split("[1,2") == Texts{"fault 0"});
    CHECK(split("  [1,,2]") == Texts{"fault 5"});
    CHECK(split("[1]x") == Texts{"fault 3"});
    CHECK(split("[1}") == Texts{"fault 2"});
    CHECK(split("[\"\\") == Texts{"fault 0"});
    CHECK(split("") == Texts{"fault 0"});
}

TEST_CASE("elements: a declared type is taken at its word", "[ingest][http]") {
    CHECK(split("{}\n{}", Format::json) == Texts{"{}\n{}"});
    CHECK(split("[1,2]\n[3]", Format::lines) == Texts{"[1,2]", "[3]"});
    CHECK(split("{}\n{}", Format::any) == Texts{"{}", "{}"});
    CHECK(split("{\"a\":\n1}", Format::any) == Texts{"{\"a\":\n1}"});
    CHECK(split("{\"a\":1\n{\"b\":2}", Format::any) == Texts{"{\"a\":1", "{\"b\":2}"});
    CHECK(split("{} trailing", Format::any) == Texts{"{} trailing"});
}

TEST_CASE("elements: a byte order mark and blanks are no part of a record", "[ingest][http]") {
    CHECK(split("\xef\xbb\xbf{}\r\n", Format::json) == Texts{"{}"});
    CHECK(split("\xef\xbb\xbf{}\r\n {} \r\n", Format::lines) == Texts{"{}", "{}"});
    CHECK(split("\xef\xbb\xbf") == Texts{"fault 0"});
}

TEST_CASE("elements: whatever comes, every element lies inside the body", "[ingest][http]") {
    std::mt19937 random(20260102);
    constexpr std::string_view kBytes = "[]{},:\"\\\n a1";
    for (int round = 0; round < 20'000; ++round) {
        std::string body;
        for (std::size_t i = random() % 24; i > 0; --i)
            body += kBytes[random() % kBytes.size()];
        const std::vector<char> exact(body.begin(), body.end());  // no byte to read behind it
        for (const Format format : {Format::json, Format::lines, Format::any}) {
            std::vector<Element> found;
            if (split_body({exact.data(), exact.size()}, format, 5, found)) continue;
            CHECK(found.size() <= 5);
            for (const Element e : found) {
                CHECK(e.size > 0);
                CHECK(std::size_t{e.offset} + e.size <= body.size());
            }
        }
    }
}

TEST_CASE("elements: long elements end where a look at each byte says", "[ingest][http]") {
    std::mt19937 random(20260103);
    constexpr std::string_view kBytes = "[]{},:\"\\ ";
    int closed = 0;
    for (int round = 0; round < 20'000; ++round) {
        // Mostly letters, so that strings and brackets reach over many bytes.
        std::string body = "[";
        const std::size_t size = 1 + random() % 300;
        while (body.size() < size)
            body += random() % 8 == 0 ? kBytes[random() % (random() % 4 == 0 ? 9 : 7)] : 'x';
        const std::size_t end = plain_end(body);
        const bool ends = end < body.size() && body[end] == ',' && end > 1;
        const std::vector<char> exact(body.begin(), body.end());
        std::vector<Element> found;
        const auto fault = split_body({exact.data(), exact.size()}, Format::json, 1'000, found);
        CAPTURE(body);
        if (end == body.size()) {
            CHECK((fault && fault->position == 0));
        } else if (body[end] == '}') {
            CHECK((fault && fault->position == end));
        } else if (ends && !found.empty()) {
            ++closed;
            const std::string_view text = std::string_view(body).substr(1, end - 1);
            const std::size_t from = text.find_first_not_of(' ');
            const std::size_t to = text.find_last_not_of(' ');
            CHECK(found.front().offset == 1 + from);
            CHECK(found.front().size == to - from + 1);
        }
    }
    CHECK(closed > 1'000);
}

}  // namespace penstock::ingest::http
