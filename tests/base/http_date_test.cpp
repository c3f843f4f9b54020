#include "base/http_date.h"

#include <catch2/catch.hpp>

namespace penstock {

TEST_CASE("http date: as RFC 9110 writes it", "[base][time]") {
    std::string out;
    append_http_date(784'111'777 * kSecond + 5, out);
    CHECK(out == "Sun, 06 Nov 1994 08:49:37 GMT");
}

}  // namespace penstock
