#include "ingest/http/request_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/optional.hpp>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <limits>
#include <utility>

namespace penstock::ingest::http {
namespace {

namespace beast = boost::beast;

/// Where Beast puts the body's bytes: behind ours, or nowhere.
struct Target {
    Bytes* bytes = nullptr;
};

struct TargetBody {
    using value_type = Target;

    class reader {  // NOLINT(readability-identifier-naming): Beast's name
    public:
        template <bool isRequest, class Fields>
        reader(beast::http::header<isRequest, Fields>&, value_type& target) : target_(target) {}

        void init(const boost::optional<std::uint64_t>&, beast::error_code& ec) { ec = {}; }

        template <class Buffers>
        std::size_t put(const Buffers& buffers, beast::error_code& ec) {
            ec = {};
            std::size_t size = 0;
            for (auto at = boost::asio::buffer_sequence_begin(buffers);
                 at != boost::asio::buffer_sequence_end(buffers);
                 ++at) {
                const boost::asio::const_buffer piece = *at;
                size += piece.size();
                if (target_.bytes == nullptr) continue;
                target_.bytes->append({static_cast<const std::byte*>(piece.data()), piece.size()});
            }
            return size;
        }

        void finish(beast::error_code& ec) { ec = {}; }

    private:
        value_type& target_;
    };
};

/// `0`, two line ends. Beast asserts that it gets so much when it is shown the last chunk again.
constexpr std::size_t kLastChunk = 5;

beast::string_view to_beast(std::string_view text) noexcept {
    return {text.data(), text.size()};
}

std::string_view from_beast(beast::string_view text) noexcept {
    return {text.data(), text.size()};
}

bool same_word(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) ==
               std::tolower(static_cast<unsigned char>(y));
    });
}

std::pair<unsigned, std::string_view> status_of(const beast::error_code& ec) noexcept {
    using beast::http::error;
    if (ec == error::body_limit) return {413, "body_too_large"};
    if (ec == error::bad_version) return {505, "bad_version"};
    return {400, "bad_request"};
}

std::string_view message_of(const beast::error_code& ec) noexcept {
    using beast::http::error;
    if (ec == error::body_limit) return "the body is larger than this listener takes";
    if (ec == error::bad_version) return "only HTTP/1.0 and HTTP/1.1 are spoken here";
    if (ec == error::bad_content_length) return "bad, repeated or contradictory Content-Length";
    if (ec == error::bad_transfer_encoding) return "bad or contradictory Transfer-Encoding";
    if (ec == error::bad_chunk || ec == error::bad_chunk_extension) return "bad chunk";
    return "not a well-formed HTTP request";
}

/// A method begins with a letter (clients that speak something else are told at once).
bool may_begin_request(char c) noexcept {
    return std::isalpha(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

struct RequestParser::Engine {
    beast::http::request_parser<TargetBody> parser;

    [[nodiscard]] const auto& head() const noexcept { return parser.get(); }
};

RequestParser::RequestParser(Limits limits)
    : engine_(std::make_unique<Engine>()), head_max_(limits.head_max) {
    // Beast counts by what it is shown at a time: the bound is ours (take_head()).
    engine_->parser.header_limit(std::numeric_limits<std::uint32_t>::max());
    engine_->parser.body_limit(limits.body_max);
    engine_->parser.eager(false);
}

RequestParser::~RequestParser() = default;

void RequestParser::fail(
    unsigned status, std::string_view code, std::string_view message
) noexcept {
    state_ = State::failed;
    failure_ = {status, code, message};
}

void RequestParser::discard_body() noexcept {
    body_.clear();
    engine_->parser.get().body().bytes = nullptr;
}

std::size_t RequestParser::feed(std::string_view bytes) {
    auto& parser = engine_->parser;
    // Only the first byte of all: later pieces of a head may begin with anything.
    if (!begun_ && !bytes.empty() && !may_begin_request(bytes.front())) {
        fail(400, "bad_request", "not a well-formed HTTP request");
        return 0;
    }
    begun_ = begun_ || !bytes.empty();
    std::size_t used = 0;
    while (state_ < State::done && used < bytes.size()) {
        const std::string_view rest = bytes.substr(used);
        if (starved_ && rest.size() < kLastChunk) break;
        beast::error_code ec;
        const std::size_t taken = parser.put(boost::asio::buffer(rest.data(), rest.size()), ec);
        used += taken;
        if (ec && ec != beast::http::error::need_more) {
            const auto [status, code] = status_of(ec);
            fail(status, code, message_of(ec));
            break;
        }
        const bool was_head = state_ == State::head;
        if (was_head && !take_head(taken, rest.size())) break;
        if (parser.is_done()) state_ = State::done;
        if (was_head && state_ != State::head) break;
        starved_ = taken == 0 && parser.is_header_done() && parser.chunked();
        // A chunk's head or the trailers are searched for their end: not for ever.
        if (taken == 0 && rest.size() > head_max_) fail(400, "bad_request", "bad chunk");
        if (taken == 0) break;
    }
    return used;
}

/// `taken` of the `shown` bytes are the head's; the rest too, while it has no end. False: refused.
bool RequestParser::take_head(std::size_t taken, std::size_t shown) {
    auto& parser = engine_->parser;
    const bool complete = parser.is_header_done();
    head_size_ += taken;
    if (head_size_ + (complete ? 0 : shown - taken) > head_max_) {
        fail(431, "head_too_large", "the request's headers are too long");
        return false;
    }
    if (!complete) return true;
    if (!head_is_sound()) return false;
    parser.get().body().bytes = &body_;
    state_ = State::body;
    return true;
}

/// What Beast does not look at.
bool RequestParser::head_is_sound() {
    if (header_count("Transfer-Encoding") > 1 ||
        (header_count("Transfer-Encoding") == 1 &&
         !same_word(header("Transfer-Encoding"), "chunked")))
        fail(400, "bad_request", "a Transfer-Encoding other than chunked");
    else if (header_count("Content-Length") > 1 ||
             header("Content-Length").find(',') != std::string_view::npos)
        fail(400, "bad_request", "bad, repeated or contradictory Content-Length");
    else if (header_count("Transfer-Encoding") == 1 && !modern())
        fail(400, "bad_request", "HTTP/1.0 has no Transfer-Encoding");
    else if (header_count("Host") > 1 || (modern() && header_count("Host") == 0))
        fail(400, "bad_request", "exactly one Host header is needed");
    return state_ != State::failed;
}

std::string_view RequestParser::method() const noexcept {
    return from_beast(engine_->head().method_string());
}

std::string_view RequestParser::target() const noexcept {
    return from_beast(engine_->head().target());
}

bool RequestParser::modern() const noexcept {
    return engine_->head().version() >= 11;
}

bool RequestParser::keep_alive() const noexcept {
    return engine_->parser.keep_alive();
}

bool RequestParser::framed() const noexcept {
    return engine_->parser.chunked() || header_count("Content-Length") != 0;
}

bool RequestParser::expects_continue() const noexcept {
    return modern() && same_word(header("Expect"), "100-continue");
}

std::string_view RequestParser::header(std::string_view name) const noexcept {
    const auto found = engine_->head().find(to_beast(name));
    return found == engine_->head().end() ? std::string_view{} : from_beast(found->value());
}

std::size_t RequestParser::header_count(std::string_view name) const noexcept {
    return engine_->head().count(to_beast(name));
}

}  // namespace penstock::ingest::http
