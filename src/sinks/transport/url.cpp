#include "sinks/transport/url.h"

#include "base/text.h"

#include <algorithm>
#include <charconv>

namespace penstock::sinks {

namespace {

constexpr std::size_t kUrlBytesMax = 2048;

std::uint16_t own_port(std::string_view scheme) noexcept {
    return scheme == "https" ? 443 : 80;
}

Error bad(std::string_view why) {
    return {Errc::invalid_argument, "URL " + std::string(why)};
}

Status check_text(std::string_view text) {
    if (text.size() > kUrlBytesMax) return bad("is longer than 2048 bytes");
    for (const char c : text) {
        if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f) {
            return bad("holds a blank, a control character or a byte beyond ASCII: write it as %XX"
            );
        }
    }
    if (text.find('#') != std::string_view::npos) return bad("must have no fragment ('#')");
    return {};
}

Status read_port(std::string_view digits, Url& url) {
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
    const bool whole = error == std::errc() && end == digits.data() + digits.size();
    if (!whole || url.port == 0) return bad("has a port that is not 1 to 65535");
    return {};
}

Status read_authority(std::string_view text, Url& url) {
    if (text.find('@') != std::string_view::npos) {
        return bad("must not hold a user or password: use the keys for them");
    }
    const bool bracket = text.starts_with('[');
    const std::size_t end = bracket ? text.find(']') : text.find(':');
    if (bracket && end == std::string_view::npos) return bad("has '[' without ']'");
    const std::size_t host = bracket ? end + 1 : std::min(end, text.size());
    url.host = text.substr(0, host);
    if (url.host.empty() || url.host == "[]") return bad("has no host");
    text.remove_prefix(host);
    if (text.empty()) return {};
    if (text.front() != ':') return bad("has something behind its host that is no port");
    return read_port(text.substr(1), url);
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
    PS_CHECK(check_text(text));
    Url url;
    for (const std::string_view scheme : {"http", "https"}) {
        if (text.starts_with(std::string(scheme) + "://")) url.scheme = scheme;
    }
    if (url.scheme.empty()) return bad("must begin with http:// or https://");
    text.remove_prefix(url.scheme.size() + 3);
    url.port = own_port(url.scheme);
    const std::size_t authority = std::min(text.find_first_of("/?"), text.size());
    PS_CHECK(read_authority(text.substr(0, authority), url));
    text.remove_prefix(authority);
    const std::size_t path = std::min(text.find('?'), text.size());
    url.path = path == 0 ? "/" : text.substr(0, path);
    if (path < text.size()) url.query = text.substr(path + 1);
    return url;
}

std::string Url::authority() const {
    return port == own_port(scheme) ? host : host + ':' + std::to_string(port);
}

std::string Url::origin() const {
    return scheme + "://" + authority();
}

std::string Url::text() const {
    return origin() + path + (query.empty() ? std::string() : '?' + query);
}

bool is_url(const std::string& text) {
    return Url::parse(text).ok();
}

bool is_origin(const std::string& text) {
    const auto url = Url::parse(text);
    return url.ok() && url->path == "/" && url->query.empty();
}

void append_encoded_path(std::string& out, std::string_view path) {
    while (true) {
        const std::size_t slash = path.find('/');
        text::append_percent_encoded(out, path.substr(0, slash));
        if (slash == std::string_view::npos) return;
        out += '/';
        path.remove_prefix(slash + 1);
    }
}

std::string encode_query(std::vector<std::pair<std::string, std::string>> pairs) {
    for (auto& [name, value] : pairs) {
        std::string coded_name;
        std::string coded_value;
        text::append_percent_encoded(coded_name, name);
        text::append_percent_encoded(coded_value, value);
        name = std::move(coded_name);
        value = std::move(coded_value);
    }
    std::sort(pairs.begin(), pairs.end());
    std::string out;
    for (const auto& [name, value] : pairs) {
        if (!out.empty()) out += '&';
        out += name;
        out += '=';
        out += value;
    }
    return out;
}

}  // namespace penstock::sinks
