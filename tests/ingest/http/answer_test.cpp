#include "ingest/http/answer.h"

#include <catch2/catch.hpp>

namespace penstock::ingest::http {

TEST_CASE("answer: a whole answer", "[ingest][http]") {
    std::string out;
    append_answer(out, {.status = 503, .keep_alive = false}, "{}");
    CHECK(
        out ==
        "HTTP/1.1 503 Service Unavailable\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\nRetry-After: 1\r\n"
        "Connection: close\r\n\r\n{}"
    );
}

}  // namespace penstock::ingest::http
