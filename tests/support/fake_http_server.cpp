#include "support/fake_http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

namespace penstock::test {

namespace {

int listen_on(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd, 64) != 0) {
        ::close(fd);
        throw std::runtime_error("fake HTTP server: cannot listen");
    }
    return fd;
}

std::uint16_t port_of(int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

bool send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

std::string lower(std::string text) {
    for (char& c : text)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

}  // namespace

struct FakeHttpServer::State {
    explicit State(Handler h) : handler(std::move(h)) {
        listener = listen_on(0);
        port = port_of(listener);
        acceptor = std::thread([this] { accept_all(); });
    }

    ~State() {
        stop = true;
        acceptor.join();
        break_all();
        for (std::thread& thread : threads)
            thread.join();
        if (listener >= 0) ::close(listener);
    }

    void break_all() {
        const std::lock_guard lock(mutex);
        for (const int fd : open)
            ::shutdown(fd, SHUT_RDWR);
    }

    /// The only one that opens, polls and closes the listener after the start.
    void accept_all() {
        while (!stop) {
            if (away && listener >= 0) {
                ::close(listener);
                listener = -1;
            }
            if (!away && listener < 0) listener = listen_on(port);
            listening = listener >= 0;
            pollfd waited{listener, POLLIN, 0};
            if (::poll(&waited, listening ? 1 : 0, 5) <= 0) continue;
            const int fd = listener;
            const int connection = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
            if (connection < 0) continue;
            ++taken;
            const std::lock_guard lock(mutex);
            open.insert(connection);
            threads.emplace_back([this, connection] {
                serve(connection);
                const std::lock_guard inner(mutex);
                open.erase(connection);
                ::close(connection);
            });
        }
    }

    static bool read_more(int fd, std::string& buffer) {
        char bytes[16384];
        const ssize_t got = ::recv(fd, bytes, sizeof bytes, 0);
        if (got <= 0) return false;
        buffer.append(bytes, static_cast<std::size_t>(got));
        return true;
    }

    static bool read_request(int fd, std::string& buffer, FakeHttpRequest& request) {
        std::size_t end = 0;
        while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
            if (!read_more(fd, buffer)) return false;
        }
        std::string head = buffer.substr(0, end + 2);
        buffer.erase(0, end + 4);
        std::size_t at = head.find("\r\n");
        const std::string first = head.substr(0, at);
        request.method = first.substr(0, first.find(' '));
        const std::size_t target = request.method.size() + 1;
        request.target = first.substr(target, first.find(' ', target) - target);
        for (at += 2; at < head.size();) {
            const std::size_t line_end = head.find("\r\n", at);
            const std::string line = head.substr(at, line_end - at);
            const std::size_t colon = line.find(':');
            const std::size_t value = line.find_first_not_of(' ', colon + 1);
            request.headers[lower(line.substr(0, colon))] =
                value == std::string::npos ? "" : line.substr(value);
            at = line_end + 2;
        }
        std::size_t length = 0;
        const std::string& said = request.headers["content-length"];
        std::from_chars(said.data(), said.data() + said.size(), length);
        while (buffer.size() < length) {
            if (!read_more(fd, buffer)) return false;
        }
        request.body = buffer.substr(0, length);
        buffer.erase(0, length);
        return true;
    }

    /// Until the peer leaves, or the server stops.
    void wait_for_end(int fd) const {
        char byte = 0;
        while (!stop) {
            pollfd waited{fd, POLLIN, 0};
            if (::poll(&waited, 1, 20) > 0 && ::recv(fd, &byte, 1, 0) <= 0) return;
        }
    }

    void reset(int fd) const {
        const linger hard{1, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    }

    void drip(int fd) const {
        send_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        for (int i = 0; !stop; ++i) {
            if (i % 50 == 0 && !send_all(fd, "x")) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    }

    void flood(int fd, const FakeHttpReply& reply, bool headers) const {
        std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " Flood\r\n";
        if (!headers) head += "Transfer-Encoding: chunked\r\n\r\n";
        if (!send_all(fd, head)) return;
        const std::string piece = headers ? "X-More: " + std::string(1000, 'h') + "\r\n"
                                          : "1000\r\n" + std::string(4096, 'b') + "\r\n";
        while (!stop && send_all(fd, piece)) {
        }
    }

    bool answer(int fd, const FakeHttpRequest& request, const FakeHttpReply& reply) const {
        std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " Said\r\n";
        for (const std::string& line : reply.headers)
            out += line + "\r\n";
        const bool length = reply.status != 204 && request.method != "HEAD";
        if (length) out += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
        out += "\r\n";
        if (request.method != "HEAD") out += reply.body;
        return send_all(fd, out);
    }

    void serve(int fd) {
        std::string buffer;
        FakeHttpRequest request;
        while (!stop && read_request(fd, buffer, request)) {
            FakeHttpReply reply;
            {
                const std::lock_guard lock(handling);
                reply = handler(request);
            }
            switch (reply.manner) {
                case FakeHttpReply::Manner::answer:
                    if (!answer(fd, request, reply)) return;
                    break;
                case FakeHttpReply::Manner::reset:
                    return reset(fd);
                case FakeHttpReply::Manner::hang:
                    return wait_for_end(fd);
                case FakeHttpReply::Manner::drip:
                    return drip(fd);
                case FakeHttpReply::Manner::endless_body:
                    return flood(fd, reply, false);
                case FakeHttpReply::Manner::endless_headers:
                    return flood(fd, reply, true);
            }
            request = {};
        }
    }

    Handler handler;
    int listener = -1;
    std::uint16_t port = 0;
    std::atomic<bool> stop{false};
    std::atomic<bool> away{false};      // wanted
    std::atomic<bool> listening{true};  // so it is
    std::atomic<int> taken{0};
    std::thread acceptor;
    std::mutex mutex;     // open, threads
    std::mutex handling;  // one handler call at a time
    std::set<int> open;
    std::vector<std::thread> threads;
};

FakeHttpServer::FakeHttpServer(Handler handler)
    : state_(std::make_unique<State>(std::move(handler))) {}
FakeHttpServer::~FakeHttpServer() = default;

std::uint16_t FakeHttpServer::port() const noexcept {
    return state_->port;
}

std::string FakeHttpServer::endpoint() const {
    return "http://127.0.0.1:" + std::to_string(state_->port);
}

void FakeHttpServer::go_away() {
    state_->away = true;
    while (state_->listening)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    state_->break_all();
}

void FakeHttpServer::come_back() {
    state_->away = false;
    while (!state_->listening)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

int FakeHttpServer::connections() const {
    return state_->taken;
}

}  // namespace penstock::test
