#include "base/http_status.h"

#include <catch2/catch.hpp>

TEST_CASE("http: a status has the words of RFC 9110, one that nobody says has none", "[base]") {
    CHECK(penstock::http_reason(200) == "OK");
    CHECK(penstock::http_reason(413) == "Content Too Large");
    CHECK(penstock::http_reason(422) == "Unprocessable Content");
    CHECK(penstock::http_reason(505) == "HTTP Version Not Supported");
    CHECK(penstock::http_reason(299) == "Error");
}
