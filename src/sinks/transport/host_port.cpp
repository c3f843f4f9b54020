#include "sinks/transport/host_port.h"

#include "sinks/transport/url.h"

namespace penstock::sinks {

std::optional<HostPort> HostPort::parse(std::string_view text, std::uint16_t default_port) {
    if (text.find("://") != std::string_view::npos) return std::nullopt;
    const bool bare = text.find(':') == std::string_view::npos || text.ends_with(']');
    const auto url = Url::parse(
        "http://" + std::string(text) + (bare ? ":" + std::to_string(default_port) : "")
    );
    if (!url.ok() || url->path != "/" || !url->query.empty() || text.ends_with('/')) {
        return std::nullopt;
    }
    return HostPort{url->host, url->port};
}

std::string HostPort::bare_host() const {
    return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

}  // namespace penstock::sinks
