#include "sinks/transport/url.h"

#include <catch2/catch.hpp>

using namespace penstock;
using namespace penstock::sinks;

TEST_CASE("url: parts of an endpoint are found", "[sinks][url]") {
    const auto url = Url::parse("https://db.example:8443/api/v2/write?org=a&bucket=b");
    REQUIRE(url.ok());
    CHECK(url->scheme == "https");
    CHECK(url->host == "db.example");
    CHECK(url->port == 8443);
    CHECK(url->path == "/api/v2/write");
    CHECK(url->query == "org=a&bucket=b");
    CHECK(url->text() == "https://db.example:8443/api/v2/write?org=a&bucket=b");
}

TEST_CASE("url: the scheme's own port is left out of the Host header", "[sinks][url]") {
    CHECK(Url::parse("http://a")->authority() == "a");
    CHECK(Url::parse("http://a:80/")->authority() == "a");
    CHECK(Url::parse("https://a:80/")->authority() == "a:80");
    CHECK(Url::parse("http://[::1]:9000")->authority() == "[::1]:9000");
    CHECK(Url::parse("http://a?x=1")->path == "/");
}

TEST_CASE("url: what is no endpoint is refused with the reason", "[sinks][url]") {
    for (const char* text :
         {"",
          "a:80",
          "ftp://a",
          "http://",
          "http://u:p@a/",
          "http://a:0",
          "http://a:65536",
          "http://a:x",
          "http://a/#f",
          "http://a/b c",
          "http://a/\n",
          "http://[::1",
          "http://[]",
          "http://[::1]x"}) {
        INFO(text);
        CHECK_FALSE(Url::parse(text).ok());
    }
    CHECK_FALSE(Url::parse("http://a/" + std::string(3000, 'x')).ok());
}

TEST_CASE("url: paths are encoded by segment and queries sorted", "[sinks][url]") {
    std::string path;
    append_encoded_path(path, "/bucket/a b/stream=x%2F+~");
    CHECK(path == "/bucket/a%20b/stream%3Dx%252F%2B~");
    CHECK(
        encode_query({{"uploads", ""}, {"prefix", "a/b"}, {"max", "1"}}) ==
        "max=1&prefix=a%2Fb&uploads="
    );
}
