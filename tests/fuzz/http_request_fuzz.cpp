// An HTTP request: however its bytes are cut into pieces, the parser says the same; and what its
// head names is taken apart.
#include "api/target.h"
#include "fuzz.h"
#include "ingest/http/content.h"
#include "ingest/http/decompress.h"
#include "ingest/http/request_parser.h"
#include "ingest/http/route.h"

#include <optional>
#include <string>

namespace penstock::ingest::http {
namespace {

using fuzz::claim;
using State = RequestParser::State;

constexpr RequestParser::Limits kLimits{512, 1024};

/// What a parser made of a request.
struct Reading {
    State state = State::head;
    unsigned status = 0;
    std::size_t used = 0;
    std::string method;
    std::string target;
    std::string body;
    bool keep_alive = false;

    bool operator==(const Reading&) const = default;
};

std::string text_of(Bytes& bytes) {
    const auto view = bytes.view();
    return {reinterpret_cast<const char*>(view.data()), view.size()};
}

void check_headers(const RequestParser& parser) {
    for (const char* name :
         {"Content-Length", "Transfer-Encoding", "Authorization", "Content-Type", "Host"})
        claim(parser.header_count(name) != 0 || parser.header(name).empty(), "no header, no value");
    claim(parser.header_count("Content-Length") <= 1, "one Content-Length at most");
    claim(
        parser.header_count("Transfer-Encoding") == 0 ||
            parser.header_count("Content-Length") == 0 || parser.framed(),
        "a body's end is known"
    );
    claim(!parser.modern() || parser.header_count("Host") == 1, "HTTP/1.1 names one host");
    (void)parser.expects_continue();
    (void)format_of(parser.header("Content-Type"));
    (void)coding_named(parser.header("Content-Encoding"));
    const Authorization who = parse_authorization(parser.header("Authorization"));
    claim(
        who.understood || (who.user.empty() && who.token.empty()),
        "nothing is taken from credentials that are not understood"
    );
}

/// Shows the parser the request in pieces, as a connection does: what it leaves comes again.
Reading read(std::string_view text, fuzz::Input pieces, bool whole, bool discard) {
    RequestParser parser(kLimits);
    Reading made;
    bool headed = false;
    std::size_t shown = 0;
    while (shown < text.size() && parser.state() < State::done) {
        shown = whole ? text.size() : std::min(text.size(), shown + 1 + pieces.choice(64));
        for (;;) {
            const fuzz::Block block(text.substr(made.used, shown - made.used));
            const std::size_t used = parser.feed(block.text());
            claim(used <= block.text().size(), "no more is used than was shown");
            made.used += used;
            const bool now_headed = parser.state() == State::body || parser.state() == State::done;
            if (now_headed && !headed) {
                headed = true;
                check_headers(parser);
                if (discard) parser.discard_body();
            } else if (used == 0 || parser.state() >= State::done) {
                break;
            }
        }
    }
    made.state = parser.state();
    if (parser.state() == State::failed) made.status = parser.failure().status;
    claim(parser.body().size() <= kLimits.body_max, "a body keeps its bound");
    claim(!discard || parser.body().empty(), "a discarded body is not kept");
    if (!headed || parser.state() == State::failed) return made;
    made.method = parser.method();
    made.target = parser.target();
    made.body = text_of(parser.body());
    made.keep_alive = parser.keep_alive();
    return made;
}

void check_target(std::string_view target) {
    const Route route = route_of(target);
    if (route.kind == Route::Kind::ingest) {
        claim(
            !route.stream.empty() && route.stream.size() <= 255, "a stream's name keeps its bounds"
        );
    } else {
        claim(route.stream.empty(), "no route, no stream");
    }
    const auto parsed = api::Target::parse(target);
    if (!parsed) return;
    claim(
        parsed->segments.size() <= 16 && parsed->parameters.size() <= 32,
        "a target keeps its bounds"
    );
    for (const auto& [name, value] : parsed->parameters)
        claim(parsed->find(name) != nullptr, "each parameter is found");
    (void)parsed->strange_parameter({"from", "to", "limit"});
}

}  // namespace
}  // namespace penstock::ingest::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock;
    using namespace penstock::ingest::http;
    fuzz::Input text(data, size);
    fuzz::Input pieces = text.script();
    const bool discard = pieces.flag();
    const Reading whole = read(text.text(), pieces, true, discard);
    const Reading cut = read(text.text(), pieces, false, discard);
    // One that is wrong is told so as soon as that shows, which cuts may delay; never taken.
    fuzz::claim(
        (whole.state == State::done) == (cut.state == State::done),
        "cutting a request does not change whether it is one"
    );
    if (whole.state == State::done)
        fuzz::claim(whole == cut, "cutting a request does not change it");
    check_target(whole.target.empty() ? text.text() : std::string_view(whole.target));
    return 0;
}
