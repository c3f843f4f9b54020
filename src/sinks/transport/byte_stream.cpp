#include "sinks/transport/byte_stream.h"

#include "sinks/transport/curl_common.h"

#include <curl/curl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace penstock::sinks {

struct ByteStream::Impl {
    ~Impl() {
        if (multi != nullptr && easy != nullptr) curl_multi_remove_handle(multi, easy);
        curl_easy_cleanup(easy);
        curl_multi_cleanup(multi);
    }

    void end(Error why) {
        if (!error) error = std::move(why);
    }
    [[nodiscard]] bool open() const noexcept { return connected && !error; }
    void connect(Nanoseconds wait);
    void finish_connecting();
    bool flush();
    bool receive(std::string& in);
    void wait_for(Nanoseconds wait) const;

    CURLM* multi = nullptr;
    CURL* easy = nullptr;
    curl_socket_t socket = CURL_SOCKET_BAD;
    bool connected = false;
    std::optional<Error> error;
    std::string out;
    std::size_t sent = 0;  // of `out`
    std::array<char, CURL_ERROR_SIZE> text{};
};

ByteStream::ByteStream(const ByteStreamConfig& config) : impl_(std::make_unique<Impl>()) {
    curl::init_library();
    Impl& my = *impl_;
    my.multi = curl_multi_init();
    my.easy = curl_easy_init();
    if (my.multi == nullptr || my.easy == nullptr) {
        my.end({Errc::unavailable, "no memory for a connection"});
        return;
    }
    const std::string url =
        (config.use_tls ? "https://" : "http://") + config.host + ':' + std::to_string(config.port);
    curl_easy_setopt(my.easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(my.easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(my.easy, CURLOPT_PROXY, "");
    curl_easy_setopt(my.easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(my.easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(my.easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
    curl_easy_setopt(my.easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(my.easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(my.easy, CURLOPT_ERRORBUFFER, my.text.data());
    curl_easy_setopt(
        my.easy, CURLOPT_CONNECTTIMEOUT_MS, curl::milliseconds(config.connect_timeout)
    );
    curl::set_tls(my.easy, config.tls);
    if (curl_multi_add_handle(my.multi, my.easy) != CURLM_OK) {
        my.end({Errc::unavailable, "cannot begin a connection"});
    }
}

ByteStream::~ByteStream() = default;

ByteStream::State ByteStream::state() const noexcept {
    if (impl_->error) return State::over;
    return impl_->connected ? State::open : State::connecting;
}

const Error& ByteStream::error() const noexcept {
    return *impl_->error;
}

void ByteStream::send(std::string_view bytes) {
    impl_->out += bytes;
}

std::size_t ByteStream::unsent() const noexcept {
    return impl_->out.size() - impl_->sent;
}

void ByteStream::Impl::connect(Nanoseconds wait) {
    int running = 0;
    curl_multi_perform(multi, &running);
    finish_connecting();
    if (connected || error || wait <= 0) return;
    curl_multi_poll(multi, nullptr, 0, curl::poll_milliseconds(wait), nullptr);
    curl_multi_perform(multi, &running);
    finish_connecting();
}

void ByteStream::Impl::finish_connecting() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;
        if (code != CURLE_OK) {
            return end(
                {curl::code_of(code), text[0] != '\0' ? text.data() : curl_easy_strerror(code)}
            );
        }
        curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &socket);
        connected = socket != CURL_SOCKET_BAD;
        if (!connected) end({Errc::unavailable, "no connection"});
    }
}

/// Sends what the connection takes. False: nothing moved.
bool ByteStream::Impl::flush() {
    const std::size_t before = sent;
    while (sent < out.size() && !error) {
        std::size_t done = 0;
        const CURLcode code = curl_easy_send(easy, out.data() + sent, out.size() - sent, &done);
        if (code == CURLE_AGAIN) break;
        if (code != CURLE_OK) end({Errc::unavailable, "the connection broke while sending"});
        sent += done;
    }
    const bool moved = sent > before;
    if (sent == out.size()) {
        out.clear();
        sent = 0;
    }
    return moved;
}

/// Takes what is there. False: nothing.
bool ByteStream::Impl::receive(std::string& in) {
    std::array<char, 16 * 1024> block{};
    std::size_t all = 0;
    while (all < kReadMax && !error) {
        std::size_t got = 0;
        const CURLcode code = curl_easy_recv(easy, block.data(), block.size(), &got);
        if (code == CURLE_AGAIN) break;
        if (code != CURLE_OK || got == 0) {
            end({Errc::unavailable, "the far side closed the connection"});
            break;
        }
        in.append(block.data(), got);
        all += got;
    }
    return all > 0;
}

void ByteStream::Impl::wait_for(Nanoseconds wait) const {
    pollfd one{socket, static_cast<short>(out.empty() ? POLLIN : POLLIN | POLLOUT), 0};
    static_cast<void>(::poll(&one, 1, curl::poll_milliseconds(wait)));
}

void ByteStream::poll(Nanoseconds wait, std::string& in) {
    Impl& my = *impl_;
    if (my.error) return;
    if (!my.connected) my.connect(wait);
    if (!my.open()) return;
    static_cast<void>(my.flush());
    if (my.receive(in) || my.error || wait <= 0) return;
    my.wait_for(wait);
    static_cast<void>(my.flush());
    static_cast<void>(my.receive(in));
}

}  // namespace penstock::sinks
