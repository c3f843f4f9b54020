// What operators and scripts ask the admin API: paths and parameters, down to the history's own
// cursors.
#include "api/config.h"
#include "api/site.h"
#include "base/metrics.h"
#include "fuzz.h"
#include "inspect/strict_json.h"
#include "journal/history.h"
#include "journal/segment_files.h"
#include "support/fake_clock.h"
#include "support/fake_disk.h"
#include "support/record_builder.h"

#include <algorithm>
#include <string>

namespace penstock {
namespace {

using fuzz::claim;

/// A journal with a few devices, indexed.
struct House {
    House() {
        files.begin();
        for (int i = 0; i < 12; ++i) {
            test::RecordBuilder record;
            record.device(i % 3 == 0 ? "a/b" : "w1").stream(i % 2 == 0 ? "s" : "t");
            record.event_time((1'767'323'045 + i) * kSecond).payload(R"({"n":1})");
            record.field("n", "1", FieldType::integer).field("x", "y", FieldType::string);
            record.score(0.5, 0);
            files.add({record.bytes()});
        }
        keeper.start();
        claim(keeper.wait_for(files.tail.durable(), 60 * kSecond), "everything is indexed");
    }
    ~House() { keeper.stop(); }
    House(const House&) = delete;
    House& operator=(const House&) = delete;

    test::FakeDisk disk;
    test::SegmentFiles files{disk, "/data/journal"};
    metrics::Registry registry;
    journal::LogParts log{disk, files.tail, files.segments, files.journal};
    journal::IndexKeeper keeper{log, registry};
    journal::JournalHistory history{log, keeper};
    test::FakeClock clock;
};

/// The admin API over it, with or without a token.
struct Front {
    Front(House& house, std::string token)
        : config{}, site(config, sources(), house.clock, house.registry) {
        config.token = Secret(std::move(token));
        site.open(house.history, house.files.journal);
    }
    static api::Sources sources() {
        return {
            [] { return api::Readiness{}; },
            [] { return std::string("{}"); },
            [] { return std::string("[]"); }
        };
    }
    api::Config config;
    api::Site site;
};

void check(const api::Answer& answer, bool history) {
    constexpr unsigned kStatuses[] = {200, 400, 401, 403, 404, 405};
    claim(
        std::ranges::find(kStatuses, answer.status) != std::end(kStatuses),
        "a question has an answer"
    );
    claim(!answer.body.empty(), "an answer says something");
    if (!history && (answer.status == 200 || answer.type != "application/json")) return;
    claim(inspect::StrictJson::takes(answer.body), "an answer is JSON");
    claim(answer.body.find('\n') == answer.body.size() - 1, "an answer is one line");
}

}  // namespace
}  // namespace penstock

// Lines: target, method, host, origin, authorization.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock;
    static House house;
    static const Front open(house, {});
    static const Front closed(house, "a token of some length");
    const fuzz::Block block(fuzz::Input(data, size).text());
    fuzz::Input input(reinterpret_cast<const std::uint8_t*>(block.text().data()), size);
    api::Request request;
    request.target = input.line();
    request.method = input.line();
    if (request.method.empty()) request.method = "GET";
    request.host = input.line();
    request.origin = input.line();
    request.authorization = input.line();
    const api::Plan plan = open.site.plan(request);
    if (!plan.tail) check(plan.query ? plan.query() : plan.answer, static_cast<bool>(plan.query));
    if (plan.tail) fuzz::claim(request.target.starts_with("/v1/tail"), "only the tail is followed");

    const api::Plan guarded = closed.site.plan(request);
    const bool knows =
        request.authorization.find("a token of some length") != std::string_view::npos ||
        request.authorization.find(' ') != std::string_view::npos;
    fuzz::claim(knows || (!guarded.query && !guarded.tail), "without the token nobody asks");
    if (guarded.tail) return 0;
    check(guarded.query ? guarded.query() : guarded.answer, static_cast<bool>(guarded.query));
    return 0;
}
