#include "api/server.h"

#include "api/fake_history.h"
#include "base/metrics.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace penstock::api {
namespace {

constexpr const char* kToken = "0123456789abcdef";

/// A plain blocking client.
class Client {
public:
    explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets interface.
        if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("connect");
    }
    ~Client() { ::close(fd_); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    Client& send(std::string_view text) {
        static_cast<void>(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL));
        return *this;
    }
    /// Everything up to and with `mark`, empty when it does not come within ten seconds.
    std::string until(std::string_view mark) {
        std::size_t at = 0;
        while ((at = buffer_.find(mark)) == std::string::npos) {
            if (!fill()) return {};
        }
        const std::string got = buffer_.substr(0, at + mark.size());
        buffer_.erase(0, got.size());
        return got;
    }
    std::string all() {
        while (fill())
            continue;
        return buffer_;
    }
    void receive_buffer(int bytes) {
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }

private:
    bool fill() {
        pollfd ready{fd_, POLLIN, 0};
        if (::poll(&ready, 1, 10'000) <= 0) return false;
        std::array<char, 16384> chunk;
        const ssize_t n = ::recv(fd_, chunk.data(), chunk.size(), 0);
        if (n <= 0) return false;
        buffer_.append(chunk.data(), static_cast<std::size_t>(n));
        return true;
    }
    int fd_;
    std::string buffer_;
};

struct House {
    test::FakeHistory history;
    test::FakeClock clock;
    metrics::Registry registry;
    Config config;
    Readiness readiness;
    std::unique_ptr<Server> server;

    House& start() {
        config.listen.port = 0;
        Sources sources;
        sources.readiness = [this] { return readiness; };
        sources.status = [] { return std::string("{\"version\":\"1\"}"); };
        sources.sinks = [] { return std::string("{\"events\":{\"lag\":0}}"); };
        auto made = Server::start(config, std::move(sources), clock, registry);
        if (!made.ok()) throw std::runtime_error(made.error().message);
        server = std::move(made).value();
        return *this;
    }
    House& open() {
        server->open(history, JournalId{});
        return *this;
    }
    std::uint16_t port() const { return server->address().port; }

    /// A whole answer to a request on a connection of its own.
    std::string get(
        const std::string& target,
        const std::string& headers = "Host: localhost\r\n",
        const std::string& method = "GET"
    ) {
        Client client(port());
        client.send(
            method + " " + target + " HTTP/1.1\r\nConnection: close\r\n" + headers + "\r\n"
        );
        return client.all();
    }
    unsigned status(
        const std::string& target,
        const std::string& headers = "Host: localhost\r\n",
        const std::string& method = "GET"
    ) {
        const std::string answer = get(target, headers, method);
        return answer.size() < 12 ? 0 : static_cast<unsigned>(std::stoul(answer.substr(9, 3)));
    }
};

test::RecordSpec record(const char* device, std::int64_t at = 0) {
    test::RecordSpec spec;
    spec.device = device;
    spec.at = at;
    return spec;
}

bool holds(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

bool eventually(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

}  // namespace

TEST_CASE("api: a node that recovers lives but is not ready", "[api]") {
    House house;
    house.start();
    CHECK(house.status("/live") == 200);
    CHECK(house.status("/ready") == 503);
    CHECK(holds(house.get("/ready"), "\"code\":\"recovering\""));
    CHECK(house.status("/v1/devices") == 503);
    CHECK(house.status("/v1/tail") == 503);
    house.open();
    CHECK(house.status("/ready") == 200);
    CHECK(house.status("/health") == 200);
    CHECK(house.status("/healthz") == 200);
    CHECK(house.status("/v1/devices") == 200);
}

TEST_CASE("api: what fails is 503, what is only reported is not", "[api]") {
    House house;
    house.readiness.reasons.push_back({"sink", "events: broker down\n", false});
    house.start().open();
    const std::string answer = house.get("/ready");
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(holds(
        answer,
        R"({"ready":true,"reasons":[{"code":"sink","message":"events: broker down\n","failing":false}]})"
    ));
    house.readiness.reasons.push_back({"journal_full", "90% of 1GiB", true});
    CHECK(house.status("/ready") == 503);
}

TEST_CASE("api: devices, latest and history by percent-decoded id", "[api]") {
    House house;
    house.history.add(test::RecordBuilder().device("a/b c").payload("{\"n\":1}"));
    house.start().open();
    CHECK(holds(house.get("/v1/devices/a%2Fb%20c/latest"), "{\"n\":1,"));
    CHECK(holds(house.get("/v1/devices/a%2Fb%20c/history?limit=5"), "\"records\":[{\"n\":1,"));
    CHECK(house.status("/v1/devices/x/latest") == 404);
    CHECK(house.status("/v1/devices/x") == 404);
    CHECK(house.status("/v1/devices/x/history?limit=0") == 400);
    CHECK(house.status("/v1/devices/%zz/latest") == 400);
    CHECK(house.status("/nothing") == 404);
    CHECK(holds(house.get("/v1/status"), "{\"version\":\"1\"}"));
    CHECK(holds(house.get("/v1/sinks"), "{\"events\":{\"lag\":0}}"));
}

TEST_CASE("api: promtool has nothing against /metrics", "[api][metrics]") {
    House house;
    metrics::export_process_metrics(house.registry);
    metrics::export_build_info(house.registry, "1", "abc");
    house.start().open();
    CHECK(house.status("/nothing") == 404);
    const std::string answer = house.get("/metrics");
    CHECK(holds(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    CHECK(holds(answer, "penstock_admin_requests_total{code=\"404\"} 1"));
    const test::TempDir dir;
    std::ofstream(dir / "metrics") << answer.substr(answer.find("\r\n\r\n") + 4);
    const std::string command = "promtool check metrics < " + (dir / "metrics").string() + " 2>&1";
    std::FILE* const tool = ::popen(command.c_str(), "re");
    REQUIRE(tool != nullptr);
    std::string said;
    std::array<char, 4096> chunk;
    while (std::fgets(chunk.data(), chunk.size(), tool) != nullptr)
        said += chunk.data();
    const int status = ::pclose(tool);
    INFO(said);
    CHECK(status == 0);
}

TEST_CASE("api: the page needs nothing from elsewhere and allows nothing else", "[api]") {
    House house;
    house.start().open();
    const std::string page = house.get("/");
    CHECK(holds(page, "Content-Type: text/html; charset=utf-8\r\n"));
    CHECK(holds(page, "Content-Security-Policy: default-src 'none'; script-src 'self';"));
    CHECK(holds(page, "X-Content-Type-Options: nosniff\r\n"));
    CHECK_FALSE(holds(page, "http://"));
    CHECK_FALSE(holds(page, "https://"));
    const std::string script = house.get("/console.js");
    CHECK(holds(script, "text/javascript"));
    CHECK_FALSE(holds(script, "innerHTML"));
    CHECK_FALSE(holds(script, "insertAdjacentHTML"));
    CHECK(holds(house.get("/console.css"), "text/css"));
}

TEST_CASE("api: only reading is possible, from this site only", "[api][A15]") {
    House house;
    house.start().open();
    const std::string post = house.get("/v1/devices", "Host: localhost\r\n", "POST");
    CHECK(post.starts_with("HTTP/1.1 405 "));
    CHECK(holds(post, "Allow: GET, HEAD\r\n"));
    const std::string foreign = "Host: localhost\r\nOrigin: http://evil.example\r\n";
    CHECK(house.status("/v1/devices", foreign, "POST") == 403);
    CHECK_FALSE(holds(house.get("/v1/devices", foreign), "Access-Control"));
    CHECK(house.status("/v1/devices", "Host: evil.example\r\n") == 403);
    CHECK(house.status("/v1/devices", "Host: 127.0.0.1:9850\r\n") == 200);
    CHECK(house.status("/v1/devices", "Host: [::1]:9850\r\n") == 200);
    CHECK(house.status("/live", "Host: localhost\r\nContent-Length: 2\r\n") == 400);
}

TEST_CASE("api: a token is demanded where one is set, but for health", "[api]") {
    House house;
    house.config.token = Secret(std::string(kToken));
    house.readiness.reasons.push_back({"sink", "private", false});
    house.start().open();
    const std::string bearer =
        std::string("Host: any.name\r\nAuthorization: Bearer ") + kToken + "\r\n";
    CHECK(house.status("/live") == 200);
    CHECK_FALSE(holds(house.get("/ready"), "private"));
    CHECK(holds(house.get("/ready", bearer), "private"));
    for (const auto* path :
         {"/", "/metrics", "/v1/devices", "/v1/tail", "/v1/status", "/console.js"}) {
        const std::string answer = house.get(path);
        CHECK(answer.starts_with("HTTP/1.1 401 "));
        CHECK(holds(answer, "WWW-Authenticate: Basic"));
    }
    CHECK(house.status("/metrics", bearer) == 200);
    CHECK(house.status("/metrics", "Authorization: Bearer 0123456789abcdee\r\n") == 401);
    CHECK(house.status("/metrics", "Authorization: Bearer\r\n") == 401);
    // ops:0123456789abcdef
    CHECK(house.status("/metrics", "Authorization: Basic b3BzOjAxMjM0NTY3ODlhYmNkZWY=\r\n") == 200);
}

TEST_CASE("api: beyond loopback without a token is refused", "[api][A02]") {
    test::FakeClock clock;
    metrics::Registry registry;
    Config config;
    config.listen = {"0.0.0.0", 0};
    CHECK_FALSE(Server::start(config, {}, clock, registry).ok());
    config.listen = {"::", 0};
    CHECK_FALSE(Server::start(config, {}, clock, registry).ok());
}

TEST_CASE("api: an address that is taken is an error", "[api]") {
    House house;
    house.start();
    Config second;
    second.listen = house.server->address();
    CHECK_FALSE(Server::start(second, {}, house.clock, house.registry).ok());
}

TEST_CASE("api: connections are kept, and requests in one segment answered in order", "[api]") {
    House house;
    house.start().open();
    Client client(house.port());
    const std::string live = "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    client.send(live + live + "HEAD /live HTTP/1.1\r\nHost: localhost\r\n\r\n" + live);
    CHECK(holds(client.until("{\"live\":true}\n"), "Connection: keep-alive\r\n"));
    CHECK(client.until("{\"live\":true}\n").size() > 0);
    CHECK(holds(client.until("\r\n\r\n"), "Content-Length: 14\r\n"));
    CHECK(client.until("{\"live\":true}\n").starts_with("HTTP/1.1 200 OK"));
}

TEST_CASE("api: what is no HTTP is refused", "[api]") {
    House house;
    house.start();
    CHECK(Client(house.port()).send("NONSENSE\r\n\r\n").all().starts_with("HTTP/1.1 400 "));
    const std::string huge = "GET / HTTP/1.1\r\nX: " + std::string(40'000, 'x');
    CHECK(Client(house.port()).send(huge).all().starts_with("HTTP/1.1 431 "));
}

TEST_CASE("api: silent and surplus connections are closed", "[api][M29]") {
    House house;
    house.config.request_timeout = std::chrono::milliseconds(100);
    house.config.connections = 2;
    house.start();
    Client silent(house.port());
    Client half(house.port());
    half.send("GET /live HTT");
    Client surplus(house.port());
    CHECK(surplus.all().empty());
    CHECK(silent.all().empty());
    CHECK(half.all().empty());
    CHECK(house.status("/live") == 200);
}

TEST_CASE("api: the tail shows new records, one event each", "[api]") {
    House house;
    house.history.log.append({record("old")});
    house.start().open();
    Client client(house.port());
    client.send("GET /v1/tail HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(holds(client.until("retry: 2000\n\n"), "Content-Type: text/event-stream\r\n"));
    REQUIRE(eventually([&] { return house.history.tails == 1; }));
    house.history.log.append({record("d1", 1), record("d2", 2)});
    CHECK(client.until("\n\n").starts_with("id: 2\ndata: {"));
    const std::string second = client.until("\n\n");
    CHECK(second.starts_with("id: 3\ndata: {"));
    CHECK(holds(second, "\"device\":\"d2\""));
}

TEST_CASE("api: the tail filters by device and stream, and ends at its limit", "[api]") {
    House house;
    house.start().open();
    Client client(house.port());
    client.send(
        "GET /v1/tail?device=d2&stream=wearables&limit=2 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    );
    CHECK_FALSE(client.until("retry: 2000\n\n").empty());
    REQUIRE(eventually([&] { return house.history.tails == 1; }));
    auto other = record("d2", 2);
    other.stream = "other";
    auto quarantined = record("d2", 3);
    quarantined.flags = kQuarantined;
    house.history.log.append(
        {record("d1", 1), other, quarantined, record("d2", 4), record("d2", 5), record("d2", 6)}
    );
    CHECK(client.until("\n\n").starts_with("id: 4\n"));
    CHECK(client.until("\n\n").starts_with("id: 5\n"));
    CHECK(client.until("\n\n") == "event: end\ndata: {}\n\n");
    CHECK(client.all().empty());
}

TEST_CASE("api: a tail client that does not read is cut and counted", "[api]") {
    House house;
    house.config.tail_buffer = {4096};
    house.start().open();
    Client slow(house.port());
    slow.receive_buffer(4096);
    slow.send("GET /v1/tail HTTP/1.1\r\nHost: localhost\r\n\r\n");
    REQUIRE(eventually([&] { return house.history.tails == 1; }));
    test::RecordSpec large;
    large.payload = "{\"a\":\"" + std::string(2000, 'x') + "\"}";
    const auto cut = [&] { return house.registry.value("penstock_tail_cut_clients_total") == 1; };
    for (int i = 0; i < 100'000 && !cut(); ++i)
        house.history.log.append({large});
    CHECK(eventually(cut));
    CHECK(house.status("/live") == 200);
    CHECK(holds(slow.all(), "event: cut\n"));
}

TEST_CASE("api: tail clients are bounded", "[api]") {
    House house;
    house.config.tail_clients = 1;
    house.start().open();
    Client first(house.port());
    first.send("GET /v1/tail HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK_FALSE(first.until("retry: 2000\n\n").empty());
    CHECK(house.status("/v1/tail") == 503);
}

TEST_CASE("api: the server ends while clients wait and queries run", "[api]") {
    House house;
    house.start().open();
    Client tail(house.port());
    Client idle(house.port());
    tail.send("GET /v1/tail HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK_FALSE(tail.until("retry: 2000\n\n").empty());
    idle.send("GET /v1/devices HTTP/1.1\r\nHost: localhost\r\n\r\n");
    house.server.reset();
    tail.all();
    idle.all();
}

}  // namespace penstock::api
