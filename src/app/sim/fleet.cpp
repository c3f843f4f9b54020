#include "app/sim/fleet.h"

#include "app/sim/packets.h"
#include "penstock/clock.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace penstock::app::sim {
namespace {

namespace asio = boost::asio;
using asio::use_awaitable;
using asio::ip::tcp;
using Steady = std::chrono::steady_clock;

/// The fleet at work: what its devices share.
struct Fleet {
    explicit Fleet(const Options& o) : options(o) {}

    const Options& options;
    asio::io_context io{1};
    Totals totals;
    std::vector<double> latencies_ms;  // of this interval; at most kLatencies
    bool ending = false;

    static constexpr std::size_t kLatencies = 100'000;

    void acknowledged(Steady::time_point sent) {
        ++totals.acknowledged;
        if (latencies_ms.size() == kLatencies) return;
        latencies_ms.push_back(
            std::chrono::duration<double, std::milli>(Steady::now() - sent).count()
        );
    }

    void close_interval() {
        if (latencies_ms.empty()) return;
        std::sort(latencies_ms.begin(), latencies_ms.end());
        totals.latency_p50_ms = latencies_ms[latencies_ms.size() / 2];
        totals.latency_p99_ms = latencies_ms[latencies_ms.size() * 99 / 100];
        latencies_ms.clear();
    }
};

struct HostPort {
    std::string host;
    std::string port;
};

Result<HostPort> split(const std::string& address) {
    const auto colon = address.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == address.size()) {
        return Error{Errc::invalid_argument, fmt::format("'{}' is no host:port", address)};
    }
    auto host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    return HostPort{std::move(host), address.substr(colon + 1)};
}

asio::awaitable<tcp::socket> dial(Fleet& fleet, const HostPort& where) {
    tcp::resolver resolver(fleet.io);
    auto found = co_await resolver.async_resolve(where.host, where.port, use_awaitable);
    tcp::socket socket(fleet.io);
    co_await asio::async_connect(socket, found, use_awaitable);
    socket.set_option(tcp::no_delay(true));
    co_return socket;
}

/// One packet from the server: first byte and body.
asio::awaitable<std::pair<unsigned, std::string>> read_packet(tcp::socket& socket) {
    unsigned char byte = 0;
    auto one = asio::buffer(&byte, 1);
    co_await asio::async_read(socket, one, use_awaitable);
    const unsigned first = byte;
    std::size_t size = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        co_await asio::async_read(socket, one, use_awaitable);
        size |= static_cast<std::size_t>(byte & 127U) << shift;
        if ((byte & 128U) == 0) break;
    }
    std::string body(size, '\0');
    auto rest = asio::buffer(body);
    co_await asio::async_read(socket, rest, use_awaitable);
    co_return std::pair<unsigned, std::string>(first, std::move(body));
}

/// One way of sending an event and waiting for its acknowledgement. Throws when the connection
/// breaks. Threads: one.
class Line {
public:
    virtual ~Line() = default;
    virtual asio::awaitable<void> open() = 0;
    /// `again`: it was sent on an earlier connection already.
    virtual asio::awaitable<void> send(std::string_view payload, bool again) = 0;
};

class MqttLine final : public Line {
public:
    MqttLine(Fleet& fleet, HostPort where, std::string client)
        : fleet_(fleet), where_(std::move(where)), client_(std::move(client)) {}

    asio::awaitable<void> open() override {
        socket_.emplace(co_await dial(fleet_, where_));
        const auto hello = connect_packet(fleet_.options, client_);
        co_await asio::async_write(*socket_, asio::buffer(hello), use_awaitable);
        const auto answer = co_await read_packet(*socket_);
        if (answer.first != 0x20 || answer.second.size() < 2)
            throw std::runtime_error("no CONNACK");
        if (const auto code = static_cast<unsigned char>(answer.second[1]); code != 0) {
            throw std::runtime_error(fmt::format("refused with CONNACK 0x{:02x}", code));
        }
    }

    asio::awaitable<void> send(std::string_view payload, bool again) override {
        id_ = static_cast<std::uint16_t>(id_ == 65'535 ? 1 : id_ + 1);
        const auto packet = publish_packet(fleet_.options, id_, payload, again);
        const auto sent = Steady::now();
        co_await asio::async_write(*socket_, asio::buffer(packet), use_awaitable);
        if (fleet_.options.qos == 0) {
            fleet_.acknowledged(sent);
            co_return;
        }
        const auto answer = co_await read_packet(*socket_);
        if (answer.first != 0x40) throw std::runtime_error("no PUBACK");
        const bool refused =
            answer.second.size() > 2 && static_cast<unsigned char>(answer.second[2]) >= 0x80;
        if (refused) {
            ++fleet_.totals.refused;
        } else {
            fleet_.acknowledged(sent);
        }
    }

private:
    Fleet& fleet_;
    HostPort where_;
    std::string client_;
    std::optional<tcp::socket> socket_;
    std::uint16_t id_ = 0;
};

class HttpLine final : public Line {
public:
    HttpLine(Fleet& fleet, HostPort where) : fleet_(fleet), where_(std::move(where)) {}

    asio::awaitable<void> open() override {
        socket_.emplace(co_await dial(fleet_, where_));
        input_.clear();
    }

    asio::awaitable<void> send(std::string_view payload, bool /*again*/) override {
        const auto request = http_request(fleet_.options, payload);
        const auto sent = Steady::now();
        co_await asio::async_write(*socket_, asio::buffer(request), use_awaitable);
        auto buffer = asio::dynamic_buffer(input_, 65'536);
        const std::size_t head =
            co_await asio::async_read_until(*socket_, buffer, "\r\n\r\n", use_awaitable);
        const std::size_t size = content_length(std::string_view(input_).substr(0, head));
        if (input_.size() < head + size) {
            const auto missing = asio::transfer_exactly(head + size - input_.size());
            co_await asio::async_read(*socket_, buffer, missing, use_awaitable);
        }
        const int status = status_of(input_);
        input_.erase(0, head + size);
        if (status == 503 || status == 429) throw std::runtime_error("the server is busy");
        if (status / 100 == 2) {
            fleet_.acknowledged(sent);
        } else {
            ++fleet_.totals.refused;
        }
    }

private:
    static int status_of(std::string_view head) {
        int status = 0;
        if (head.size() > 12) std::from_chars(head.data() + 9, head.data() + 12, status);
        return status;
    }

    static std::size_t content_length(std::string_view head) {
        static constexpr std::string_view kName = "content-length:";
        const auto same = [](char a, char b) { return (a | 0x20) == b; };
        const auto at = std::search(head.begin(), head.end(), kName.begin(), kName.end(), same);
        if (at == head.end()) return 0;
        const char* from = &*at + kName.size();
        while (*from == ' ')
            ++from;
        std::size_t size = 0;
        std::from_chars(from, head.data() + head.size(), size);
        return size;
    }

    Fleet& fleet_;
    HostPort where_;
    std::optional<tcp::socket> socket_;
    std::string input_;
};

/// A device's life: an event every `period`, sent until it is acknowledged.
asio::awaitable<void> live(
    Fleet& fleet,
    Device device,
    std::unique_ptr<Line> line,
    Steady::duration period,
    Steady::duration first
) {
    asio::steady_timer timer(fleet.io);
    auto due = Steady::now() + first;
    Event event;
    int left = 0;  // copies still to send
    bool again = false;
    while (!fleet.ending) {
        try {
            co_await line->open();
            while (!fleet.ending) {
                if (left == 0) {
                    timer.expires_at(due);
                    co_await timer.async_wait(use_awaitable);
                    due = std::max(due + period, Steady::now() - period);
                    event = device.next(system_clock().wall() / kMillisecond);
                    left = event.copies;
                    again = false;
                    continue;
                }
                ++fleet.totals.published;
                co_await line->send(event.payload, again);
                again = false;
                --left;
            }
        } catch (const std::exception&) {
            ++fleet.totals.reconnects;
        }
        if (fleet.ending) break;
        again = left != 0;
        timer.expires_after(std::chrono::milliseconds(500));
        co_await timer.async_wait(use_awaitable);
    }
}

asio::awaitable<void> keep_reporting(
    Fleet& fleet, const std::function<void(const Totals&)>& report
) {
    asio::steady_timer timer(fleet.io);
    const auto end = Steady::now() + std::chrono::duration_cast<Steady::duration>(
                                         std::chrono::duration<double>(fleet.options.seconds)
                                     );
    while (!fleet.ending) {
        timer.expires_after(std::chrono::seconds(1));
        if (fleet.options.seconds > 0) timer.expires_at(std::min(timer.expiry(), end));
        co_await timer.async_wait(use_awaitable);
        fleet.close_interval();
        report(fleet.totals);
        if (fleet.options.seconds > 0 && Steady::now() >= end) {
            fleet.ending = true;
            fleet.io.stop();
        }
    }
}

Status check(const Options& o) {
    if (o.devices < 1 || o.devices > 10'000)
        return Error{Errc::invalid_argument, "devices must be 1 to 10,000"};
    if (!(o.rate > 0) || o.rate > 1e6)
        return Error{Errc::invalid_argument, "rate must be above 0, 1,000,000 at most"};
    if (o.qos != 0 && o.qos != 1) return Error{Errc::invalid_argument, "qos must be 0 or 1"};
    if (o.version != 4 && o.version != 5)
        return Error{Errc::invalid_argument, "version must be 4 or 5"};
    if (!(o.http_share >= 0) || o.http_share > 1)
        return Error{Errc::invalid_argument, "http share must be 0 to 1"};
    if (o.mqtt.empty() && o.http.empty())
        return Error{Errc::invalid_argument, "neither MQTT nor HTTP is wanted"};
    return {};
}

/// Is anybody there? A fleet that can reach nobody should say so instead of trying for ever.
Status knock(const std::string& address) {
    PS_TRY(const auto where, split(address));
    asio::io_context io;
    boost::system::error_code error;
    tcp::resolver resolver(io);
    const auto found = resolver.resolve(where.host, where.port, error);
    tcp::socket socket(io);
    if (!error) asio::connect(socket, found, error);
    if (error) return Error{Errc::unavailable, fmt::format("{}: {}", address, error.message())};
    return {};
}

}  // namespace

Status play(const Options& options, const std::function<void(const Totals&)>& report) {
    PS_CHECK(check(options));
    if (!options.mqtt.empty()) PS_CHECK(knock(options.mqtt));
    if (!options.http.empty()) PS_CHECK(knock(options.http));

    Fleet fleet(options);
    const double share = options.mqtt.empty()   ? 1.0
                         : options.http.empty() ? 0.0
                                                : options.http_share;
    const auto over_http = static_cast<std::uint32_t>(std::lround(share * options.devices));
    const auto period = std::chrono::duration_cast<Steady::duration>(
        std::chrono::duration<double>(options.devices / options.rate)
    );
    for (std::uint32_t i = 0; i < options.devices; ++i) {
        Device device(i, options.seed, options.faults);
        std::unique_ptr<Line> line;
        if (i < over_http) {
            PS_TRY(auto where, split(options.http));
            line = std::make_unique<HttpLine>(fleet, std::move(where));
        } else {
            PS_TRY(auto where, split(options.mqtt));
            line = std::make_unique<MqttLine>(fleet, std::move(where), device.id());
        }
        const auto first = period * i / options.devices;
        asio::co_spawn(
            fleet.io, live(fleet, std::move(device), std::move(line), period, first), asio::detached
        );
    }
    asio::co_spawn(fleet.io, keep_reporting(fleet, report), asio::detached);
    asio::signal_set signals(fleet.io, SIGINT, SIGTERM);
    signals.async_wait([&fleet](const boost::system::error_code& error, int) {
        if (error) return;
        fleet.ending = true;
        fleet.io.stop();
    });
    fleet.io.run();
    fleet.close_interval();
    report(fleet.totals);
    return {};
}

}  // namespace penstock::app::sim
