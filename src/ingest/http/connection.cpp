#include "ingest/http/connection.h"

#include "base/log.h"
#include "config/secret.h"
#include "ingest/http/content.h"
#include "ingest/http/route.h"
#include "ingest/shard_listeners.h"

#include <algorithm>
#include <utility>

namespace penstock::ingest::http {
namespace {

constexpr Nanoseconds kKnownFor = 60 * kSecond;
constexpr std::uint32_t kSequenceTurn = 0xf000'0000;  // then numbering begins anew
constexpr std::uint8_t kQos = 1;                      // acknowledged: never dropped under load

constexpr Problem kFull{503, "overloaded", "too many bodies are being read; send again"};

std::string_view as_text(std::span<const std::byte> bytes) noexcept {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes read as text.
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Problem problem_of(const BodyFault& fault) noexcept {
    if (fault.too_many) return {413, "too_many_records", fault.what};
    return {400, "malformed_body", fault.what, true, fault.position};
}

Problem problem_of(const RequestParser::Failure& failure) noexcept {
    return {failure.status, failure.code, failure.message};
}

}  // namespace

HttpConnection::HttpConnection(Arrival arrival, ShardPart& part)
    : Connection(std::move(arrival)), part_(part) {}

HttpConnection::~HttpConnection() {
    charge(0);
}

// ---- reading

Consumed HttpConnection::received(std::span<const std::byte> bytes) {
    const std::string_view text = as_text(bytes);
    std::size_t used = std::exchange(shown_again_, false) ? 1 : 0;
    while (!waits() && !ending()) {
        const Phase before = phase_;
        const std::size_t taken = step(text.substr(used));
        used += taken;
        if (taken == 0 && phase_ == before) break;
    }
    settle();
    if (ends_ || ending()) used = bytes.size();
    // What waits for room is shown again only when a byte of it was left.
    if (held(kHoldRoom) && used == bytes.size()) {
        shown_again_ = true;
        return {used - 1, 1};
    }
    return {used, waits() ? 1 : bytes.size() - used + 1};
}

bool HttpConnection::waits() const noexcept {
    return held(kHoldRoom) || held(kHoldProtocol) || held(kHoldInFlight);
}

std::size_t HttpConnection::step(std::string_view text) {
    switch (phase_) {
        case Phase::idle:
            return begin(text);
        case Phase::head:
            return read_head(text);
        case Phase::body:
            return read_body(text);
        case Phase::submit:
            submit(current().body.view());
            return 0;
        case Phase::verdict:
            break;
    }
    return 0;
}

/// Empty lines in front of a request are skipped (RFC 9112 section 2.2).
std::size_t HttpConnection::begin(std::string_view text) {
    if (ends_) return text.size();
    set_hold();
    const std::size_t first = std::min(text.find_first_not_of("\r\n"), text.size());
    if (first == text.size() || waits()) return first;
    if (work_ == nullptr) work_ = std::make_unique<Work>();
    work_->parser = std::make_unique<RequestParser>(
        RequestParser::Limits{config().max_head.value, config().max_body.value}
    );
    enter(Phase::head, listener().limits().first_packet_timeout);
    return first;
}

std::size_t HttpConnection::read_head(std::string_view text) {
    const std::size_t used = work_->parser->feed(text);
    switch (request().state()) {
        case RequestParser::State::head:
            return used;
        case RequestParser::State::failed:
            refuse_and_end(problem_of(request().failure()));
            return text.size();
        default:
            head_complete();
            return used;
    }
}

void HttpConnection::head_complete() {
    enter(Phase::verdict, config().answer_timeout);
    Exchange& exchange = work_->exchanges.emplace_back();
    exchange.head.keep_alive = request().keep_alive();
    exchange.head.modern = request().modern();
    exchange.head.head_only = request().method() == "HEAD";
    Route route = route_of(request().target());
    if (route.kind == Route::Kind::unknown)
        return refuse({404, "not_found", "records go to POST /v1/ingest/{stream}"});
    if (route.kind == Route::Kind::bad_name)
        return refuse({400, "bad_stream_name", "no stream can have this name"});
    if (request().method() != "POST")
        return refuse({405, "method_not_allowed", "records are sent with POST"});
    exchange.stream = std::move(route.stream);
    authenticate();
}

void HttpConnection::authenticate() {
    const std::string_view header = request().header("Authorization");
    if (request().header_count("Authorization") > 1)
        return refuse({400, "bad_request", "more than one Authorization header"});
    if (known_ != nullptr && known_->generation == part_.authenticator.generation() &&
        shard().now() < known_->until && known_->credentials == auth::sha256(header)) {
        current().identity = known_->identity;
        return check_request();
    }
    known_.reset();
    Authorization brought = parse_authorization(header);
    if (!brought.understood)
        return refuse({401, "unauthorized", "Authorization must be Basic or Bearer"});
    const std::string certificate = transport().certificate_identity();
    auth::Credentials credentials;
    credentials.user = brought.user;
    credentials.password = brought.password;
    credentials.token = brought.token;
    credentials.certificate = certificate;
    credentials.listener = listener().name();
    credentials.loopback = part_.loopback;
    const auto verdict = part_.authenticator.authenticate(credentials, bring_back(ticket(0)));
    wipe(brought.password);
    wipe(brought.token);
    if (verdict) return decided(*verdict, header);
    hold(kHoldProtocol);
}

/// Takes a verdict from a thread of the pool to this connection, if it is still there then.
auth::Authenticator::Callback HttpConnection::bring_back(const Ticket& who) {
    return [&shards = shard().shards(), &listeners = shard().listeners(), id = shard().id(), who](
               auth::Verdict verdict
           ) {
        shards.post(id, [&listeners, id, who, late = std::move(verdict)] {
            ShardListeners* const home = listeners.shard(id);
            if (home == nullptr) return;
            home->run([&] {
                auto* const found = home->find(who.connection, who.generation);
                if (found != nullptr) static_cast<HttpConnection*>(found)->late_verdict(late);
            });
        });
    };
}

void HttpConnection::late_verdict(const auth::Verdict& verdict) {
    if (phase_ != Phase::verdict || ending()) return;
    release(kHoldProtocol);
    decided(verdict, request().header("Authorization"));
    settle();
}

void HttpConnection::decided(const auth::Verdict& verdict, std::string_view authorization) {
    if (verdict.decision == auth::Decision::busy)
        return refuse({429, "busy", "too many passwords are being checked; send again"});
    if (!verdict.allowed())
        return refuse({401, "unauthorized", "credentials are missing, wrong or not enough"});
    if (verdict.means != auth::Means::none)
        known_ = std::make_unique<Known>(Known{
            auth::sha256(authorization),
            part_.authenticator.generation(),
            shard().now() + kKnownFor,
            verdict.identity
        });
    current().identity = verdict.identity;
    check_request();
}

std::optional<Problem> HttpConnection::objection() const {
    const RequestParser& head = request();
    if (!head.framed())
        return Problem{
            411, "length_required", "Content-Length or Transfer-Encoding: chunked is needed"
        };
    if (head.header_count("Content-Encoding") > 1 || !coding_named(head.header("Content-Encoding")))
        return Problem{
            415, "unsupported_encoding", "Content-Encoding must be one of identity, gzip, zstd"
        };
    if (head.header_count("Content-Type") > 1 || !format_of(head.header("Content-Type")))
        return Problem{
            415, "unsupported_type", "Content-Type must be application/json or application/x-ndjson"
        };
    if (head.header_count("Expect") != 0 && !head.expects_continue())
        return Problem{417, "expectation_failed", "only Expect: 100-continue is understood"};
    if (shard().intake().closed() || shard().draining() || shard().crowded()) return kBusy;
    if (part_.stream_exists && !part_.stream_exists(work_->exchanges.back().stream))
        return Problem{404, "unknown_stream", "no stream has this name"};
    if (part_.buffered >= config().body_buffer.value) return kFull;
    return std::nullopt;
}

void HttpConnection::check_request() {
    if (const auto problem = objection()) {
        if (problem->status == 411) return refuse_and_end(*problem);
        return refuse(*problem);
    }
    enter(Phase::body, config().body_timeout);
    if (request().state() == RequestParser::State::done) return body_complete();
    wants_continue_ = request().expects_continue();
    say_continue();
}

std::size_t HttpConnection::read_body(std::string_view text) {
    const std::size_t used = work_->parser->feed(text);
    charge(work_->parser->body().size());
    const bool failed = request().state() == RequestParser::State::failed;
    if (failed || part_.buffered > config().body_buffer.value) {
        refuse_and_end(failed ? problem_of(request().failure()) : kFull);
        return text.size();
    }
    if (request().state() != RequestParser::State::done) return used;
    if (current().answered) {
        request_over();
    } else {
        body_complete();
    }
    return used;
}

void HttpConnection::body_complete() {
    Exchange& exchange = current();
    exchange.began = shard().now();
    exchange.arrival = shard().arrival();
    exchange.body = std::move(work_->parser->body());
    std::span<const std::byte> text = exchange.body.view();
    const Coding coding = *coding_named(request().header("Content-Encoding"));
    const Format format = *format_of(request().header("Content-Type"));
    work_->parser.reset();
    if (coding != Coding::identity) {
        const auto output = part_.decompressor.decompress(coding, text);
        exchange.body.clear();
        charge(0);
        if (output.outcome == Decompressor::Outcome::too_large)
            return refuse({413, "body_too_large", "the body is too large when decompressed"});
        if (output.outcome == Decompressor::Outcome::malformed)
            return refuse({400, "malformed_encoding", "the body is not of its Content-Encoding"});
        text = output.bytes;
    }
    if (const auto fault =
            split_body(as_text(text), format, config().max_records, exchange.elements))
        return refuse(problem_of(*fault));
    if (next_sequence_ >= kSequenceTurn) next_sequence_ = 0;
    exchange.first_sequence = next_sequence_;
    exchange.in_flight = text.size();
    in_flight_ += text.size();
    enter(Phase::submit, config().answer_timeout);
    submit(text);
    part_.decompressor.release();
}

void HttpConnection::submit(std::span<const std::byte> text) {
    Exchange& exchange = current();
    Message message;
    message.source = Source::http;
    message.qos = kQos;
    message.stream = exchange.stream;
    message.client_id = exchange.identity;
    message.arrival = exchange.arrival;
    for (; exchange.next < exchange.elements.size(); ++exchange.next) {
        const Element element = exchange.elements[exchange.next];
        message.payload = as_text(text.subspan(element.offset, element.size));
        const Reply reply = shard().intake().submit(message, ticket(next_sequence_));
        if (reply.kind == Reply::Kind::busy) return stalled(exchange, text);
        exchange.tally.add(static_cast<std::uint32_t>(exchange.next), reply);
        if (reply.kind == Reply::Kind::refused) continue;
        ++next_sequence_;
        ++exchange.tickets;
        ++exchange.pending;
    }
    exchange.submitted = true;
    finish_if_durable(exchange);
    request_over();
}

/// The intake takes nothing: what is left waits in a buffer of our own.
void HttpConnection::stalled(Exchange& exchange, std::span<const std::byte> text) {
    if (exchange.tickets == 0 && shard().intake().closed()) return refuse(kBusy);
    if (exchange.body.empty()) {
        const std::uint32_t from = exchange.elements[exchange.next].offset;
        // Its memory has a bound too: the client keeps what does not fit, and sends all again.
        if (part_.buffered + text.size() - from > config().body_buffer.value) return refuse(kFull);
        exchange.body.append(text.subspan(from));
        for (std::size_t i = exchange.next; i < exchange.elements.size(); ++i)
            exchange.elements[i].offset -= from;
        charge(exchange.body.size());
    }
    wait_for_room();
}

void HttpConnection::request_over() {
    Exchange& exchange = current();
    work_->parser.reset();
    exchange.body.clear();
    exchange.elements = {};
    charge(0);
    wants_continue_ = false;
    ends_ = ends_ || !exchange.head.keep_alive;
    if (exchange.sent) work_->exchanges.pop_back();
    enter(Phase::idle, config().idle_timeout);
}

}  // namespace penstock::ingest::http
