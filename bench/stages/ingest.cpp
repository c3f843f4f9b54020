// From bytes of a socket to messages, without the socket.
#include "base/bytes.h"
#include "base/metrics.h"
#include "base/mqtt/decode.h"
#include "ingest/config.h"
#include "ingest/http/elements.h"
#include "ingest/http/request_parser.h"
#include "ingest/mqtt/session.h"
#include "ingest/mqtt/wire.h"
#include "ingest/shard_listeners.h"
#include "sample.h"
#include "stage.h"

#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace penstock::stages {
namespace {

/// Messages a read of a busy gateway brings.
constexpr std::size_t kRead = 16;
constexpr std::size_t kArray = 100;

/// Takes everything, and remembers who waits.
class Taker final : public Intake {
public:
    Reply submit(const Message& message, const Ticket& ticket) override {
        used(message);
        if (ticket.sequence != Ticket::kNoAnswer) waiting.push_back(ticket.sequence);
        return {};
    }
    void attach(Origin& origin) override { used(origin); }
    [[nodiscard]] bool closed() const noexcept override { return false; }

    std::vector<std::uint32_t> waiting;
};

/// What a socket brings, read after read.
std::vector<Padded> reads(int qos) {
    std::vector<Padded> all;
    const auto packets = publishes(qos);
    for (std::size_t i = 0; i + kRead <= packets.size(); i += kRead) {
        std::string bytes;
        for (std::size_t j = i; j < i + kRead; ++j)
            bytes += packets[j];
        all.emplace_back(bytes);
    }
    return all;
}

mqtt::Frame first_frame(std::string_view bytes) {
    mqtt::Frame frame;
    std::size_t need = 0;
    if (mqtt::next_frame(std::as_bytes(std::span(bytes)), 1U << 18U, frame, need) !=
        mqtt::Framing::whole)
        throw std::runtime_error("not a packet");
    return frame;
}

Step decode_publishes() {
    return [reads = reads(1), at = std::size_t{0}]() mutable {
        std::string_view rest = reads[at++ % reads.size()].view();
        while (!rest.empty()) {
            const mqtt::Frame frame = first_frame(rest);
            mqtt::Publish packet;
            if (mqtt::decode_publish(frame, mqtt::Version::v311, 64, packet) !=
                mqtt::Reason::success)
                throw std::runtime_error("not taken");
            used(packet);
            rest.remove_prefix(frame.size);
        }
    };
}

/// A connected client, who sends and is acknowledged.
class Talk {
public:
    explicit Talk(int qos) : reads_(reads(qos)), cells_(registry_, "mqtt") {
        const Padded connect(wire::connect_as("gateway-1"));
        mqtt::Desk desk = this->desk();
        if (session_.receive(first_frame(connect.view()), desk) != mqtt::Next::log_in)
            throw std::runtime_error("not connected");
        session_.accept(desk);
        out_.clear();
    }
    void one_read() {
        mqtt::Desk desk = this->desk();
        std::string_view rest = reads_[at_++ % reads_.size()].view();
        while (!rest.empty()) {
            const mqtt::Frame frame = first_frame(rest);
            if (session_.receive(frame, desk) != mqtt::Next::go_on)
                throw std::runtime_error("not taken");
            rest.remove_prefix(frame.size);
        }
        for (const std::uint32_t sequence : intake_.waiting)
            session_.durable(sequence, desk);
        if (out_.size() != intake_.waiting.size() * 4) throw std::runtime_error("no PUBACK");
        intake_.waiting.clear();
        out_.clear();
    }

private:
    mqtt::Desk desk() { return {settings_, intake_, cells_, out_, {0, 1, 0}, kArrival, kSecond}; }

    std::vector<Padded> reads_;
    std::size_t at_ = 0;
    ingest::MqttListenerConfig settings_;
    metrics::Registry registry_;
    ingest::ListenerCells cells_;
    Taker intake_;
    Bytes out_;
    mqtt::Session session_;
};

Step session(int qos) {
    return [talk = std::make_shared<Talk>(qos)] { talk->one_read(); };
}

Step parse_request() {
    return [requests = requests(1), at = std::size_t{0}]() mutable {
        std::string_view rest = requests[at++ % requests.size()];
        using ingest::http::RequestParser;
        RequestParser parser({16U << 10U, 16U << 20U});
        while (parser.state() < RequestParser::State::done) {
            const std::size_t taken = parser.feed(rest);
            rest.remove_prefix(taken);
            if (taken == 0 && rest.empty()) break;
        }
        if (parser.state() != RequestParser::State::done) throw std::runtime_error("no request");
        used(parser.body());
    };
}

Step split(ingest::http::Format format) {
    std::vector<std::string> bodies;
    for (const std::string& request : requests(kArray)) {
        std::string body = request.substr(request.find("\r\n\r\n") + 4);
        if (format == ingest::http::Format::lines) {
            body = body.substr(1, body.size() - 2);
            for (std::size_t i = body.find("},{"); i != std::string::npos; i = body.find("},{", i))
                body[i + 1] = '\n';
        }
        bodies.push_back(std::move(body));
    }
    std::vector<ingest::http::Element> elements;
    elements.reserve(kArray);
    return [bodies, elements, at = std::size_t{0}, format]() mutable {
        elements.clear();
        const std::string& body = bodies[at++ % bodies.size()];
        if (ingest::http::split_body(body, format, kArray, elements) || elements.size() != kArray)
            throw std::runtime_error("not split");
    };
}

}  // namespace

std::vector<Stage> ingest_stages() {
    using ingest::http::Format;
    return {
        {"ingest/mqtt_decode", kRead, decode_publishes},
        {"ingest/mqtt_qos1_acknowledged", kRead, [] { return session(1); }},
        {"ingest/mqtt_qos0", kRead, [] { return session(0); }},
        {"ingest/http_request", 1, parse_request},
        {"ingest/http_array", kArray, [] { return split(Format::json); }},
        {"ingest/http_lines", kArray, [] { return split(Format::lines); }},
    };
}

}  // namespace penstock::stages
