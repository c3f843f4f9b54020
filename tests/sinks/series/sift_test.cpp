#include "sinks/series/sift.h"

#include <catch2/catch.hpp>

#include <set>

using namespace penstock;
using namespace penstock::sinks;

namespace {

/// `bad` lines hold `bad=`; times run backwards when asked.
LineBatch batch_of(std::size_t count, const std::set<std::size_t>& bad) {
    LineBatch batch;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string line = "m,d=" + std::to_string(i) +
                                 (bad.contains(i) ? " bad=1 " : " x=1 ") + std::to_string(i) + "\n";
        batch.lines.push_back({{i + 1}, batch.body.size(), line.size(), static_cast<Nanoseconds>(i)}
        );
        batch.body += line;
    }
    batch.last = {count};
    return batch;
}

WriteAnswer complaint(std::string text) {
    HttpResponse response;
    response.status = 400;
    response.body = std::move(text);
    return judge_write(response, 0);
}

std::size_t count(std::string_view text, std::string_view what) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; ++at)
        ++n;
    return n;
}

struct Outcome {
    std::set<std::uint64_t> refused;
    std::string taken;
    std::size_t requests = 0;
};

/// A far side that takes a body or complains about it.
template <class Judge>
Outcome sifted(LineBatch batch, Judge judge) {
    Outcome outcome;
    Sift sift(std::move(batch));
    while (!sift.done()) {
        ++outcome.requests;
        const std::string body(sift.body());
        const std::string complaint_text = judge(body);
        if (complaint_text.empty()) {
            outcome.taken += body;
            sift.confirmed();
            continue;
        }
        for (const RefusedRecord& one : sift.complained(complaint(complaint_text)))
            outcome.refused.insert(one.lsn.value);
    }
    return outcome;
}

}  // namespace

TEST_CASE("sift: a batch without bad lines is one request", "[sinks][sift]") {
    const Outcome outcome =
        sifted(batch_of(10, {}), [](const std::string&) { return std::string(); });
    CHECK(outcome.requests == 1);
    CHECK(count(outcome.taken, "\n") == 10);
    CHECK(Sift(LineBatch{}).done());
}

TEST_CASE("sift: only the lines that were left out are sent again", "[sinks][sift][S05]") {
    const LineBatch batch = batch_of(6, {});
    Sift sift(batch);
    sift.keep_only({1, 3, 4});
    CHECK(sift.lines() == 3);
    CHECK(sift.lsn(1) == Lsn{4});
    CHECK(
        sift.body() ==
        std::string(batch.text(1)) + std::string(batch.text(3)) + std::string(batch.text(4))
    );
    sift.keep_only({2});
    CHECK(sift.range() == std::pair(Lsn{5}, Lsn{5}));
    sift.keep_only({});
    CHECK(sift.done());
    CHECK(sift.last() == Lsn{6});
}

TEST_CASE(
    "sift: without a hint bad lines are found in halves, each good one confirmed once",
    "[sinks][sift][S06]"
) {
    const Outcome outcome = sifted(batch_of(1000, {0, 500, 999}), [](const std::string& body) {
        return body.find("bad=") == std::string::npos ? "" : "unable to parse something";
    });
    CHECK(outcome.refused == std::set<std::uint64_t>{1, 501, 1000});
    CHECK(count(outcome.taken, "\n") == 997);
    CHECK(outcome.requests < 70);
}

TEST_CASE("sift: InfluxDB's type conflict costs three requests", "[sinks][sift][S06]") {
    const Outcome outcome =
        sifted(batch_of(1000, {10, 20}), [](const std::string& body) -> std::string {
            const std::size_t bad = count(body, " bad=");
            if (bad == 0) return "";
            return R"({"error":"partial write: field type conflict: input field \"bad\" on measurement \"m\")"
                   R"( is type float, already exists as type string dropped=)" +
                   std::to_string(bad) + "\"}";
        });
    CHECK(outcome.refused == std::set<std::uint64_t>{11, 21});
    CHECK(outcome.requests == 3);
}

TEST_CASE("sift: quoted lines and line numbers are tried first", "[sinks][sift][S06]") {
    const bool quoted = GENERATE(true, false);
    const Outcome outcome = sifted(batch_of(500, {7}), [&](const std::string& body) -> std::string {
        const std::size_t at = body.find(" bad=");
        if (at == std::string::npos) return "";
        const std::size_t begin =
            body.rfind('\n', at) == std::string::npos ? 0 : body.rfind('\n', at) + 1;
        const std::string line = body.substr(begin, body.find('\n', at) - begin);
        if (quoted) return "{\"error\":\"unable to parse '" + line + "': invalid number\"}";
        return "{\"message\":\"error in line " +
               std::to_string(count(body.substr(0, at), "\n") + 1) + "\"}";
    });
    CHECK(outcome.refused == std::set<std::uint64_t>{8});
    CHECK(outcome.requests == 3);
}

TEST_CASE("sift: points beyond the retention are the oldest", "[sinks][sift][S06]") {
    const Outcome outcome = sifted(batch_of(100, {}), [](const std::string& body) -> std::string {
        std::size_t old = 0;
        for (int i = 0; i < 3; ++i)
            old += count(body, "m,d=" + std::to_string(i) + " ");
        return old == 0
                   ? ""
                   : "partial write: points beyond retention policy dropped=" + std::to_string(old);
    });
    CHECK(outcome.refused == std::set<std::uint64_t>{1, 2, 3});
    CHECK(outcome.requests == 3);
}

TEST_CASE("sift: hints that mislead cost requests, never a good line", "[sinks][sift][S06]") {
    const Outcome outcome = sifted(batch_of(200, {50}), [](const std::string& body) -> std::string {
        if (body.find(" bad=") == std::string::npos) return "";
        return "error in line 1; unable to parse 'm,d=3 x=1 3': no; dropped=0";
    });
    CHECK(outcome.refused == std::set<std::uint64_t>{51});
    CHECK(outcome.requests <= 399);
}

TEST_CASE("sift: a far side that refuses everything ends within 2n-1 requests", "[sinks][sift]") {
    const Outcome outcome =
        sifted(batch_of(64, {}), [](const std::string&) { return std::string("unable to parse"); });
    CHECK(outcome.refused.size() == 64);
    CHECK(outcome.requests == 127);
}

TEST_CASE("sift: what is too large is halved, alone it is refused", "[sinks][sift]") {
    Sift sift(batch_of(2, {}));
    WriteAnswer large;
    large.verdict = WriteVerdict::too_large;
    large.reason = "too large";
    CHECK(sift.complained(large).empty());
    CHECK(sift.lines() == 1);
    REQUIRE(sift.complained(large).size() == 1);
    sift.confirmed();
    CHECK(sift.done());
}

TEST_CASE("write answer: statuses mean what their servers mean by them", "[sinks][answer]") {
    const auto judged = [](int status, std::string body) {
        HttpResponse response;
        response.status = status;
        response.body = std::move(body);
        return judge_write(response, 0);
    };
    CHECK(judged(204, "").verdict == WriteVerdict::confirmed);
    CHECK(judged(200, "").verdict == WriteVerdict::confirmed);
    CHECK(judged(413, "").verdict == WriteVerdict::too_large);
    CHECK(judged(400, "partial write: x dropped=1").verdict == WriteVerdict::bad_records);
    CHECK(judged(422, "field type conflict").verdict == WriteVerdict::bad_records);
    CHECK(judged(400, "database is required").verdict == WriteVerdict::unclear);
    CHECK(
        judged(400, "partial write: max-series-per-database limit exceeded: (1) dropped=1")
            .verdict == WriteVerdict::failed
    );
    const auto kind = [&](int status) { return judged(status, "").failure.kind; };
    CHECK(kind(401) == FailureClass::credentials);
    CHECK(kind(403) == FailureClass::credentials);
    CHECK(kind(404) == FailureClass::configuration);
    CHECK(kind(301) == FailureClass::configuration);
    CHECK(kind(429) == FailureClass::throttled);
    CHECK(kind(503) == FailureClass::throttled);
    CHECK(kind(500) == FailureClass::transient);
    CHECK(kind(408) == FailureClass::transient);
}
