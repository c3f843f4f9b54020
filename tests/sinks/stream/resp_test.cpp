#include "sinks/stream/resp.h"

#include <catch2/catch.hpp>

#include <string>

namespace penstock::sinks {
namespace {

TEST_CASE("resp: a command is its words, whatever bytes they are", "[sinks][redis]") {
    std::string out;
    append_resp({"XADD", "", "a\r\n$5\r\nb"}, out);
    CHECK(out == "*3\r\n$4\r\nXADD\r\n$0\r\n\r\n$8\r\na\r\n$5\r\nb\r\n");
}

TEST_CASE("resp: replies come whole, however the bytes are cut", "[sinks][redis]") {
    const std::string stream =
        "+OK\r\n-ERR "
        "no\r\n:-42\r\n$5\r\na\r\nbc\r\n$-1\r\n*-1\r\n*2\r\n$1\r\nx\r\n*1\r\n:7\r\n*0\r\n";
    for (std::size_t step = 1; step <= stream.size(); ++step) {
        RespReader reader;
        std::vector<RespReply> all;
        for (std::size_t at = 0; at < stream.size(); at += step) {
            reader.buffer() += stream.substr(at, step);
            while (auto reply = reader.next())
                all.push_back(*std::move(reply));
        }
        CAPTURE(step);
        REQUIRE_FALSE(reader.broken());
        REQUIRE(all.size() == 8);
        CHECK(all[0].text == "OK");
        CHECK(all[1].failed());
        CHECK(all[1].text == "ERR no");
        CHECK(all[2].number == -42);
        CHECK(all[3].text == "a\r\nbc");
        CHECK(all[4].kind == RespReply::Kind::null);
        CHECK(all[5].kind == RespReply::Kind::null);
        REQUIRE(all[6].items.size() == 2);
        CHECK(all[6].items[0].text == "x");
        CHECK(all[6].items[1].items.at(0).number == 7);
        CHECK(all[7].items.empty());
        CHECK(reader.buffer().empty());
    }
}

TEST_CASE("resp: what is no reply breaks the stream, and stays within bounds", "[sinks][redis]") {
    const std::string bytes = GENERATE(
        as<std::string>{},
        "HTTP/1.1 400 Bad Request\r\n",
        "\r\n",
        "$-2\r\n",
        "$99999999\r\n",
        "*99999999\r\n",
        ":x\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"
    );
    RespReader reader;
    reader.buffer() = bytes;
    CHECK_FALSE(reader.next());
    CHECK(reader.broken());
    CHECK_FALSE(reader.next());
}

TEST_CASE("resp: a line without an end breaks the stream", "[sinks][redis]") {
    RespReader reader;
    reader.buffer() = "+" + std::string(RespReader::kTextMax + 1, 'x');
    CHECK_FALSE(reader.next());
    CHECK(reader.broken());
}

}  // namespace
}  // namespace penstock::sinks
