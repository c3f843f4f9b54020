#include "api/server.h"

#include "api/session.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/worker_pool.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <exception>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace penstock::api {
namespace {

namespace net = boost::asio;
using net::ip::tcp;

constexpr auto kToken = net::as_tuple(net::use_awaitable);
constexpr auto kPause = std::chrono::milliseconds(100);  // after an accept that failed

/// A connection must not take the daemon along.
void report(const std::exception_ptr& failure) noexcept {
    if (!failure) return;
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        log::error("an admin connection failed", {{"reason", std::string_view(error.what())}});
    }
}

}  // namespace

struct Server::State {
    State(const Config& settings, Sources sources, const Clock& clock, metrics::Registry& metrics)
        : config(settings),
          registry(metrics),
          site(config, std::move(sources), clock, metrics),
          pool(settings.workers, settings.waiting_queries),
          floor{config, site, pool, clock, [this](unsigned status) { count(status); }, 0},
          acceptor(io) {}

    ~State() {
        io.stop();
        if (thread.joinable()) thread.join();
        pool.stop();
        site.close();
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    Status listen();
    net::awaitable<void> accept_all();

    /// Statuses are few and come from the code: one cell each.
    void count(unsigned status) {
        metrics::Counter*& cell = requests[status];
        if (cell == nullptr) {
            cell = &registry.counter(
                "penstock_admin_requests_total",
                "Requests to the admin listener, by the status they were answered with.",
                {{"code", std::to_string(status)}}
            );
        }
        cell->add();
    }

    const Config config;
    metrics::Registry& registry;
    std::unordered_map<unsigned, metrics::Counter*> requests;  // the server's thread only
    Site site;
    WorkerPool pool;
    Floor floor;
    net::io_context io{1};  // its connections use everything above
    tcp::acceptor acceptor;
    Address bound;
    std::thread thread;
};

Status Server::State::listen() {
    boost::system::error_code ec;
    const auto address = net::ip::make_address(config.listen.host, ec);
    const auto failed = [&](const char* action) {
        return Error{
            Errc::io,
            std::string("admin listener: cannot ") + action + " " + config.listen.text() + ": " +
                ec.message()
        };
    };
    if (ec) return failed("understand");
    const tcp::endpoint endpoint(address, config.listen.port);
    acceptor.open(endpoint.protocol(), ec);
    if (ec) return failed("open a socket for");
    acceptor.set_option(net::socket_base::reuse_address(true), ec);
    if (ec) return failed("prepare");
    acceptor.bind(endpoint, ec);
    if (ec) return failed("bind");
    acceptor.listen(net::socket_base::max_listen_connections, ec);
    if (ec) return failed("listen on");
    bound = {config.listen.host, acceptor.local_endpoint(ec).port()};
    return {};
}

net::awaitable<void> Server::State::accept_all() {
    while (true) {
        auto accepted = co_await acceptor.async_accept(kToken);
        if (std::get<0>(accepted)) {
            net::steady_timer pause(io, kPause);
            co_await pause.async_wait(kToken);
            continue;
        }
        tcp::socket socket = std::get<1>(std::move(accepted));
        if (floor.connections >= config.connections) continue;  // closed with its variable
        net::co_spawn(io, serve(std::move(socket), floor), report);
    }
}

Result<std::unique_ptr<Server>> Server::start(
    const Config& config, Sources sources, const Clock& clock, metrics::Registry& metrics
) {
    if (!config.listen.loopback() && config.token.empty())
        return Error{
            Errc::invalid_argument,
            "admin listener: beyond loopback (" + config.listen.text() + ") it needs a token"
        };
    auto state = std::make_unique<State>(config, std::move(sources), clock, metrics);
    PS_CHECK(state->listen());
    net::co_spawn(state->io, state->accept_all(), report);
    state->thread = std::thread([raw = state.get()] { raw->io.run(); });
    return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() = default;

void Server::open(History& history, const JournalId& journal) {
    state_->site.open(history, journal);
}

const Address& Server::address() const noexcept {
    return state_->bound;
}

}  // namespace penstock::api
