#include "protocol.h"

#include "message.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace load {

Answer next_mqtt_answer(std::string_view bytes) {
    if (bytes.size() < 2) return {};
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const std::size_t size =
        2U + at(1);  // all that 3.1.1 servers say here is shorter than 128 bytes
    if (bytes.size() < size) return {};
    if (at(0) == 0x40 && size == 4) {
        const auto id = static_cast<std::uint16_t>((at(2) << 8U) | at(3));
        return {Answer::Kind::acknowledged, size, 0, id};
    }
    if (at(0) == 0x20 && size == 4) return {Answer::Kind::greeting, size, at(3), 0};
    if (at(0) == 0xd0) return {Answer::Kind::pong, size, 0, 0};
    return {Answer::Kind::broken, size, at(0), 0};
}

Answer next_http_answer(std::string_view bytes) {
    const auto end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return {};
    std::string head(bytes.substr(0, end + 2));
    std::transform(head.begin(), head.end(), head.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    constexpr std::string_view kLength = "\r\ncontent-length:";
    const auto found = head.find(kLength);
    if (head.rfind("http/1.1 ", 0) != 0 || found == std::string::npos)
        return {Answer::Kind::broken, bytes.size(), 0, 0};
    int status = 0;
    std::size_t body = 0;
    std::from_chars(head.data() + 9, head.data() + 12, status);
    const auto number = head.find_first_not_of(' ', found + kLength.size());
    std::from_chars(head.data() + number, head.data() + head.size(), body);
    const std::size_t size = end + 4 + body;
    if (bytes.size() < size) return {};
    return {status == 200 ? Answer::Kind::acknowledged : Answer::Kind::refused, size, status, 0};
}

std::string connect_packet(const Options& options, std::size_t connection) {
    const std::string number = std::to_string(connection);
    std::string user = options.user;
    if (const auto at = user.find('%'); at != std::string::npos) user.replace(at, 1, number);
    int flags = 2;
    if (!user.empty()) flags |= 0x80;
    if (!options.password.empty()) flags |= 0x40;
    std::string body;
    append_text(body, "MQTT");
    body += {'\x04', static_cast<char>(flags), '\0', '\0'};
    append_text(body, options.client + "-" + std::to_string(::getpid()) + "-" + number);
    if (!user.empty()) append_text(body, user);
    if (!options.password.empty()) append_text(body, options.password);
    std::string packet(1, '\x10');
    append_length(packet, body.size());
    return packet + body;
}

}  // namespace load
