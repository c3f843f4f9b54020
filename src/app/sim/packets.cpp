#include "app/sim/packets.h"

#include "base/base64.h"

#include <fmt/format.h>

namespace penstock::app::sim {
namespace {

/// MQTT 3.1.1 section 2.2.3, MQTT 5 section 1.5.5.
void append_length(std::string& out, std::size_t size) {
    do {
        const auto digit = size % 128;
        size /= 128;
        out += static_cast<char>(size != 0 ? digit | 128U : digit);
    } while (size != 0);
}

void append_text(std::string& out, std::string_view text) {
    out += static_cast<char>(text.size() >> 8U);
    out += static_cast<char>(text.size() & 255U);
    out += text;
}

std::string framed(unsigned first, const std::string& body) {
    std::string out(1, static_cast<char>(first));
    append_length(out, body.size());
    return out + body;
}

}  // namespace

std::string connect_packet(const Options& o, const std::string& client) {
    unsigned flags = 2;  // clean
    if (!o.user.empty()) flags |= 0x80U;
    if (!o.password.empty()) flags |= 0x40U;
    std::string body;
    append_text(body, "MQTT");
    body += static_cast<char>(o.version);
    body += static_cast<char>(flags);
    body += std::string_view("\x00\x3c", 2);  // keep alive 60 s
    if (o.version == 5) body += '\0';
    append_text(body, client);
    if (!o.user.empty()) append_text(body, o.user);
    if (!o.password.empty()) append_text(body, o.password);
    return framed(0x10, body);
}

std::string publish_packet(
    const Options& o, std::uint16_t id, std::string_view payload, bool again
) {
    std::string body;
    append_text(body, o.topic);
    if (o.qos != 0) {
        body += static_cast<char>(id >> 8U);
        body += static_cast<char>(id & 255U);
    }
    if (o.version == 5) body += '\0';
    body += payload;
    return framed(0x30U | (o.qos != 0 ? 2U : 0U) | (again ? 8U : 0U), body);
}

std::string http_request(const Options& o, std::string_view payload) {
    std::string auth;
    if (!o.user.empty()) {
        auth = "Authorization: Basic ";
        append_base64(o.user + ":" + o.password, auth);
        auth += "\r\n";
    }
    return fmt::format(
        "POST /v1/ingest/{} HTTP/1.1\r\nHost: {}\r\nContent-Type: "
        "application/json\r\n{}Content-Length: {}\r\n\r\n{}",
        o.stream,
        o.http,
        auth,
        payload.size(),
        payload
    );
}

}  // namespace penstock::app::sim
