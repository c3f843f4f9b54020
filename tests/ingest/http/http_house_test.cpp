// No cases of its own: the house that the cases of this folder live in.
#include "ingest/http/http_house.h"

#include "ingest/http/server.h"

#include <arpa/inet.h>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>

namespace penstock::test {

// ---- FakeIntake

Reply FakeIntake::submit(const Message& message, const Ticket& ticket) {
    const std::lock_guard lock(mutex_);
    if (room_ == 0) {
        ++busy_answers_;
        return {Reply::Kind::busy, Refusal::none, {}, {}};
    }
    // The parser of a real intake reads ahead: ASan notices when it must not.
    volatile char sum = 0;
    for (std::size_t i = 0; i < kPayloadPadding; ++i)
        sum = static_cast<char>(sum + *(message.payload.data() + message.payload.size() + i));
    const Reply reply = judge_ ? judge_(message.payload) : Reply{};
    if (reply.kind == Reply::Kind::busy) return reply;
    if (room_ != SIZE_MAX) --room_;
    if (reply.kind == Reply::Kind::refused) return reply;
    taken_.push_back(
        {std::string(message.stream),
         std::string(message.client_id),
         std::string(message.payload),
         message.source,
         message.qos}
    );
    if (hold_) {
        waiting_.push_back(ticket);
    } else {
        boost::asio::post(*io, [this, ticket] { origin_->durable(std::span(&ticket, 1)); });
    }
    return reply;
}

void FakeIntake::judge(Judge judge) {
    const std::lock_guard lock(mutex_);
    judge_ = std::move(judge);
}

void FakeIntake::hold_durable(bool hold) {
    const std::lock_guard lock(mutex_);
    hold_ = hold;
}

void FakeIntake::release(boost::asio::io_context& loop) {
    boost::asio::post(loop, [this] {
        std::vector<Ticket> tickets;
        {
            const std::lock_guard lock(mutex_);
            tickets.swap(waiting_);
        }
        std::ranges::reverse(tickets);  // any order is allowed
        origin_->durable(tickets);
    });
}

void FakeIntake::room_for(std::size_t records) {
    const std::lock_guard lock(mutex_);
    room_ = records;
}

void FakeIntake::make_room(boost::asio::io_context& loop) {
    room_for(SIZE_MAX);
    boost::asio::post(loop, [this] { origin_->room(); });
}

std::vector<FakeIntake::Taken> FakeIntake::taken() const {
    const std::lock_guard lock(mutex_);
    return taken_;
}

// ---- Client

Client::Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets interface.
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("connect");
}

Client::~Client() {
    ::close(fd_);
}

Client& Client::send(std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
        if (n <= 0) break;  // the server may have closed: the answer tells
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return *this;
}

bool Client::fill(int milliseconds) {
    pollfd ready{fd_, POLLIN, 0};
    if (::poll(&ready, 1, milliseconds) <= 0) return false;
    std::array<char, 16384> chunk;
    const ssize_t n = ::recv(fd_, chunk.data(), chunk.size(), 0);
    if (n <= 0) return false;
    buffer_.append(chunk.data(), static_cast<std::size_t>(n));
    return true;
}

Response Client::receive() {
    std::size_t head = 0;
    while ((head = buffer_.find("\r\n\r\n")) == std::string::npos) {
        if (!fill(10'000)) return {};
    }
    Response made;
    made.head = buffer_.substr(0, head + 4);
    made.status = static_cast<unsigned>(std::stoul(made.head.substr(9, 3)));
    buffer_.erase(0, head + 4);
    const std::size_t at = made.head.find("Content-Length: ");
    const std::size_t size = at == std::string::npos ? 0 : std::stoul(made.head.substr(at + 16));
    while (buffer_.size() < size) {
        if (!fill(10'000)) return {};
    }
    made.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return made;
}

Response Client::post(std::string_view path, std::string_view body, std::string_view headers) {
    send(request(path, body, headers));
    return receive();
}

bool Client::closed_by_server() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < until) {
        pollfd ready{fd_, POLLIN, 0};
        if (::poll(&ready, 1, 1000) <= 0) continue;
        char byte = 0;
        return ::recv(fd_, &byte, 1, 0) <= 0 && buffer_.empty();
    }
    return false;
}

bool Client::hears_nothing(int milliseconds) {
    return buffer_.empty() && !fill(milliseconds);
}

void Client::shutdown_send() {
    ::shutdown(fd_, SHUT_WR);
}

std::string request(std::string_view path, std::string_view body, std::string_view headers) {
    return "POST " + std::string(path) +
           " HTTP/1.1\r\nHost: penstock\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

std::string gzipped(std::string_view text) {
    z_stream stream{};
    if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK) return {};
    std::string out(deflateBound(&stream, text.size()) + 64, '\0');
    // NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast,cppcoreguidelines-pro-type-const-cast):
    // zlib.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    // NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast,cppcoreguidelines-pro-type-const-cast)
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string zstd_packed(std::string_view text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
}

// ---- HttpHouse

HttpHouse::HttpHouse(Options options) : guard_(boost::asio::make_work_guard(io)) {
    intake.io = &io;
    options.http.listen = {"127.0.0.1", 0};
    auto authenticator = auth::Authenticator::open(options.auth, system_clock(), registry);
    if (!authenticator.ok()) throw std::runtime_error(authenticator.error().message);
    authenticator_ = std::move(authenticator).value();
    std::vector<ingest::ListenerSpec> specs;
    specs.push_back(ingest::http::listener(
        "http",
        options.http,
        *authenticator_,
        1,
        [streams = options.streams](std::string_view name) {
            return std::ranges::find(streams, name) != streams.end();
        }
    ));
    auto listeners = ingest::Listeners::open(std::move(specs), 1, system_clock(), registry);
    if (!listeners.ok()) throw std::runtime_error(listeners.error().message);
    listeners_ = std::move(listeners).value();
    port_ = listeners_->find("http")->address().port;
    shard_ = std::make_unique<ingest::ShardListeners>(io, ShardId{0}, *listeners_, intake, *this);
    thread_ = std::thread([this] {
        shard_->start();
        io.run();
    });
}

HttpHouse::~HttpHouse() {
    guard_.reset();
    io.stop();
    thread_.join();
    authenticator_->stop();
    shard_.reset();
    listeners_.reset();
}

void HttpHouse::post(ShardId, std::function<void()> work) {
    boost::asio::post(io, std::move(work));
}

void HttpHouse::on_shard(const std::function<void()>& work) {
    std::promise<void> done;
    boost::asio::post(io, [&] {
        work();
        done.set_value();
    });
    done.get_future().wait();
}

bool HttpHouse::eventually(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!holds()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

void HttpHouse::drain() {
    boost::asio::post(io, [this] { shard_->drain(10 * kSecond, [] {}); });
}

}  // namespace penstock::test
