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

}  // namespace penstock::ingest::http
