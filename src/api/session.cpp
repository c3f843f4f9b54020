#include "api/session.h"

#include "base/http_date.h"
#include "base/http_status.h"
#include "base/log.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

#include <array>
#include <chrono>
#include <exception>
#include <string>
#include <tuple>
#include <utility>

namespace penstock::api {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::string_view kNothing;
constexpr auto kToken = net::as_tuple(net::use_awaitable);
constexpr std::uint32_t kHeadMax = 16 << 10;
constexpr auto kWriteTimeout = std::chrono::seconds(30);
constexpr auto kHeartbeat = std::chrono::seconds(5);

std::string_view extra_headers(unsigned status) noexcept {
    switch (status) {
        case 401:
            return "WWW-Authenticate: Basic realm=\"penstock admin\", charset=\"UTF-8\"\r\n"
                   "WWW-Authenticate: Bearer realm=\"penstock admin\"\r\n";
        case 405:
            return "Allow: GET, HEAD\r\n";
        case 503:
            return "Retry-After: 1\r\n";
        default:
            return {};
    }
}

std::string head_of(unsigned status, std::string_view type, const Clock& clock) {
    std::string head = "HTTP/1.1 " + std::to_string(status) + " ";
    head += http_reason(status);
    head += "\r\nDate: ";
    append_http_date(clock.wall(), head);
    head += "\r\nContent-Type: ";
    head += type;
    head +=
        "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        "Referrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'; "
        "script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'none'\r\n";
    head += extra_headers(status);
    return head;
}

/// Wakes a coroutine from another thread. Shared by both sides.
struct Bell {
    explicit Bell(const net::any_io_executor& executor) : timer(executor) {}

    /// On the server's thread.
    void ring() {
        rung = true;
        timer.cancel();
    }

    net::steady_timer timer;
    bool rung = false;
};

using BellPtr = std::shared_ptr<Bell>;

/// Until the bell rings, for `bound` at most.
net::awaitable<void> wait(BellPtr bell, std::chrono::nanoseconds bound) {
    if (!bell->rung) {
        bell->timer.expires_after(bound);
        co_await bell->timer.async_wait(kToken);
    }
}

std::function<void()> ringer(const net::any_io_executor& executor, const BellPtr& bell) {
    return [executor, bell] { net::post(executor, [bell] { bell->ring(); }); };
}

/// A query on its way through the pool.
struct Errand {
    explicit Errand(const net::any_io_executor& executor)
        : bell(std::make_shared<Bell>(executor)) {}
    BellPtr bell;
    Answer answer;  // written by the pool's thread before the bell is rung
};

void run(const std::function<Answer()>& work, Errand& errand, const std::function<void()>& ring) {
    try {
        errand.answer = work();
    } catch (const std::exception& failure) {
        log::error("a query failed", {{"reason", std::string_view(failure.what())}});
        errand.answer = problem(500, "failed", "the query failed; the log says why");
    }
    ring();
}

class Session {
public:
    Session(net::ip::tcp::socket socket, Floor& floor) : stream_(std::move(socket)), floor_(floor) {
        ++floor_.connections;
    }
    ~Session() { --floor_.connections; }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    net::awaitable<void> run_all() {
        stream_.expires_after(floor_.config.request_timeout);
        while (co_await one_request())
            stream_.expires_after(floor_.config.idle_timeout);
        beast::error_code ignored;
        // NOLINTNEXTLINE(bugprone-unused-return-value): the peer may be gone already.
        stream_.socket().shutdown(net::ip::tcp::socket::shutdown_send, ignored);
    }

private:
    using Parser = http::request_parser<http::empty_body>;

    /// False: the connection is over.
    net::awaitable<bool> one_request() {
        Parser parser;
        parser.header_limit(kHeadMax);
        parser.body_limit(0);
        const auto read = co_await http::async_read_header(stream_, buffer_, parser, kToken);
        const beast::error_code failed = std::get<0>(read);
        if (failed == http::error::header_limit)
            co_return co_await refuse(431, "head_too_large", "the request's headers are too long");
        if (failed == http::error::body_limit)
            co_return co_await refuse(400, "unexpected_body", "no request here has a body");
        if (failed &&
            failed.category() == http::make_error_code(http::error::bad_method).category() &&
            failed != http::error::end_of_stream && failed != http::error::partial_message)
            co_return co_await refuse(400, "bad_request", "not a well-formed HTTP request");
        if (failed) co_return false;
        co_return co_await respond(parser);
    }

    net::awaitable<bool> refuse(unsigned status, std::string_view code, std::string_view message) {
        const Answer answer = problem(status, code, message);
        co_return co_await send(answer, false, false);
    }

    net::awaitable<bool> respond(const Parser& parser) {
        const auto& head = parser.get();
        const auto text = [](beast::string_view view) {
            return std::string_view(view.data(), view.size());
        };
        Request request;
        request.method = text(head.method_string());
        request.target = text(head.target());
        request.host = text(head[http::field::host]);
        request.origin = text(head[http::field::origin]);
        request.authorization = text(head[http::field::authorization]);
        const bool head_only = request.method == "HEAD";
        // A body was not asked for and is not read: what follows on the connection is unknown.
        const bool keep = head.keep_alive() && parser.is_done();
        Plan plan = floor_.site.plan(request);
        if (plan.query) plan.answer = co_await fetch(std::move(plan.query));
        if (!plan.tail || head_only) co_return co_await send(plan.answer, keep, head_only);
        co_return co_await follow(std::move(*plan.tail));
    }

    net::awaitable<Answer> fetch(std::function<Answer()> work) {
        auto errand = std::make_shared<Errand>(stream_.get_executor());
        auto ring = ringer(stream_.get_executor(), errand->bell);
        WorkerPool::Job job;
        job.run = [errand, ring, moved = std::move(work)] { run(moved, *errand, ring); };
        job.drop = [errand, ring] {
            errand->answer = problem(503, "stopping", "the node stops");
            ring();
        };
        if (!floor_.pool.push(std::move(job)))
            co_return problem(503, "busy", "too many queries wait; ask again");
        while (!errand->bell->rung)
            co_await wait(errand->bell, std::chrono::hours(1));
        co_return std::move(errand->answer);
    }

    net::awaitable<bool> send(const Answer& answer, bool keep, bool head_only) {
        std::string head = head_of(answer.status, answer.type, floor_.clock);
        head += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
        head += keep ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
        floor_.count(answer.status);
        const bool sent = co_await write(head, head_only ? std::string_view{} : answer.body);
        co_return keep&& sent;
    }

    net::awaitable<bool> write(std::string_view first, std::string_view second) {
        stream_.expires_after(kWriteTimeout);
        std::array<net::const_buffer, 2> buffers;
        buffers[0] = net::buffer(first.data(), first.size());
        buffers[1] = net::buffer(second.data(), second.size());
        const auto written = co_await net::async_write(stream_, buffers, kToken);
        co_return !std::get<0>(written);
    }

    /// Server-sent events until the client goes, is cut, or has what it asked for.
    net::awaitable<bool> follow(TailClient::Filter filter) {
        auto bell = std::make_shared<Bell>(stream_.get_executor());
        auto client = floor_.site.follow(std::move(filter), ringer(stream_.get_executor(), bell));
        if (client == nullptr) {
            const Answer full = problem(503, "busy", "too many clients follow the tail");
            co_return co_await send(full, false, false);
        }
        floor_.count(200);
        std::string head = head_of(200, "text/event-stream", floor_.clock);
        head += "Connection: close\r\n\r\n";
        bool open = co_await write(head, "retry: 2000\n\n");
        std::string events;
        while (open) {
            bell->rung = false;
            const TailClient::State state = client->take(events);
            if (!events.empty()) open = co_await write(events, kNothing);
            if (state != TailClient::State::open) {
                if (open) co_await say_goodbye(state);
                break;
            }
            if (!open) break;
            co_await wait(bell, kHeartbeat);
            if (!bell->rung) open = co_await write(":\n\n", kNothing);
        }
        co_return false;
    }

    net::awaitable<void> say_goodbye(TailClient::State state) {
        const bool cut = state == TailClient::State::cut;
        const std::string_view text =
            cut ? "event: cut\ndata: {\"reason\":\"too slow\"}\n\n" : "event: end\ndata: {}\n\n";
        co_await write(text, kNothing);
    }

    beast::tcp_stream stream_;
    beast::flat_buffer buffer_{kHeadMax + 4096};
    Floor& floor_;
};

}  // namespace

net::awaitable<void> serve(net::ip::tcp::socket socket, Floor& floor) {
    Session session(std::move(socket), floor);
    co_await session.run_all();
}

}  // namespace penstock::api
