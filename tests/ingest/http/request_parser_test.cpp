#include "ingest/http/request_parser.h"

#include <catch2/catch.hpp>

#include <string>

namespace penstock::ingest::http {
namespace {

using State = RequestParser::State;

constexpr RequestParser::Limits kLimits{1024, 1024};

/// Shows the first `cut` bytes, then all that was left with the rest behind it, as a connection
/// does.
State read_in_two(const std::string& text, std::size_t cut) {
    RequestParser parser(kLimits);
    std::size_t used = 0;
    for (const std::size_t end : {cut, text.size()}) {
        for (std::size_t taken = 1; taken != 0 && parser.state() < State::done;) {
            taken = parser.feed(std::string_view(text).substr(used, end - used));
            used += taken;
        }
    }
    CHECK((parser.state() == State::failed || used == text.size()));
    return parser.state();
}

}  // namespace

TEST_CASE("http: a request is the same wherever its bytes are cut", "[ingest][http]") {
    for (const std::string text :
         {"POST /v1/ingest/s HTTP/1.1\r\nHost: h\r\n_x: 1\r\nContent-Length: 2\r\n\r\n{}",
          "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}",
          "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
          "chunked\r\n\r\n1;x\r\n{\r\n1\r\n}\r\n0\r\nT: "
          "1\r\n\r\n"}) {
        for (std::size_t cut = 0; cut <= text.size(); ++cut) {
            INFO(text.substr(0, cut) << "|" << text.substr(cut));
            CHECK(read_in_two(text, cut) == State::done);
        }
    }
}

TEST_CASE("http: the bound of a head is the same wherever its bytes are cut", "[ingest][http]") {
    for (const std::string start : {"GET / HTTP/1.1\r\n", "GET /a/long/target HTTP/1.1\r\n"}) {
        for (const std::size_t beyond : {std::size_t{0}, std::size_t{1}}) {
            std::string text = start + "Host: h\r\nX: ";
            text += std::string(kLimits.head_max + beyond - text.size() - 4, 'x') + "\r\n\r\n";
            for (std::size_t cut = 0; cut <= text.size(); ++cut) {
                CAPTURE(start, beyond, cut);
                REQUIRE(read_in_two(text, cut) == (beyond == 0 ? State::done : State::failed));
            }
        }
    }
}

TEST_CASE("http: a request may come byte by byte", "[ingest][http]") {
    for (const std::string text :
         {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nT: "
          "1\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"}) {
        RequestParser parser(kLimits);
        std::size_t used = 0;
        for (std::size_t end = 1; end <= text.size(); ++end) {
            for (std::size_t taken = 1; taken != 0 && parser.state() < State::done;) {
                taken = parser.feed(std::string_view(text).substr(used, end - used));
                used += taken;
            }
        }
        CHECK(parser.state() == State::done);
        CHECK(used == text.size());
    }
}

TEST_CASE("http: what cannot begin a request fails with its first byte", "[ingest][http]") {
    for (const std::string text : {"\x16\x03\x01", "\r\n", " GET", "{}"}) {
        RequestParser parser(kLimits);
        CHECK(parser.feed(text.substr(0, 1)) == 0);
        CHECK(parser.state() == State::failed);
    }
}

}  // namespace penstock::ingest::http
