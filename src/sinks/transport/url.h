#pragma once

#include "penstock/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks {

/// The address of a far side, as settings write it: `http://127.0.0.1:8428/write?db=x`.
/// Threads: immutable.
struct Url {
    std::string scheme;  // "http" or "https"
    std::string host;    // a name, an IPv4 address, or an IPv6 address in brackets
    std::uint16_t port = 0;
    std::string path;   // as written, beginning with '/'; "/" when there is none
    std::string query;  // as written, without '?'

    /// Source: RFC 3986 section 3. Only http and https; no user and password in it (they would end
    /// up in logs), no fragment, no control characters or blanks; 2048 bytes at most.
    [[nodiscard]] static Result<Url> parse(std::string_view text);

    /// `host`, or `host:port` when the port is not the scheme's own: the value of the Host header.
    [[nodiscard]] std::string authority() const;
    /// `scheme://authority`
    [[nodiscard]] std::string origin() const;
    /// The whole.
    [[nodiscard]] std::string text() const;

    friend bool operator==(const Url&, const Url&) = default;
};

/// The rule of settings that hold a whole URL: true when parse() takes it.
constexpr const char* kUrlRule = "an http or https URL without user and password";
[[nodiscard]] bool is_url(const std::string& text);

/// Whether it is a URL of a service alone: without a path and a query.
[[nodiscard]] bool is_origin(const std::string& text);

/// Appends a path whose segments are percent-encoded each; the slashes between them stay. The same
/// set of bytes as AWS Signature Version 4 wants (text.h).
void append_encoded_path(std::string& out, std::string_view path);

/// `a=b&c=d`, encoded and sorted by name, then value: the form that a signature is made over.
[[nodiscard]] std::string encode_query(std::vector<std::pair<std::string, std::string>> pairs);

}  // namespace penstock::sinks
