#include "support/http_get.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace penstock::test {

std::string http_ask(
    std::uint16_t port,
    std::string_view method,
    std::string_view target,
    const std::vector<std::string>& headers,
    std::string_view body
) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string answer;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        // HTTP/1.0: the answer is not chunked and ends with the connection.
        std::string request =
            std::string(method) + ' ' + std::string(target) + " HTTP/1.0\r\nHost: 127.0.0.1\r\n";
        for (const std::string& line : headers)
            request += line + "\r\n";
        if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        request += "\r\n" + std::string(body);
        std::string_view left = request;
        while (!left.empty()) {
            const ssize_t sent = ::send(fd, left.data(), left.size(), MSG_NOSIGNAL);
            if (sent <= 0) break;
            left.remove_prefix(static_cast<std::size_t>(sent));
        }
        char room[65536];
        for (ssize_t got = 0; (got = ::recv(fd, room, sizeof room, 0)) > 0;) {
            answer.append(room, static_cast<std::size_t>(got));
        }
    }
    ::close(fd);
    const std::size_t end = answer.find("\r\n\r\n");
    return end == std::string::npos ? std::string() : answer.substr(end + 4);
}

}  // namespace penstock::test
