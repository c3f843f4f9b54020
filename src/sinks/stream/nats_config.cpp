#include "sinks/stream/nats_config.h"

#include <utility>

namespace penstock::sinks {

const NameRules& nats_subject_rules() {
    // NATS documentation, "Subject-Based Messaging": no blanks, wildcards are not for publishing.
    static constexpr NameRules kRules{NameRules::Escape::percent_dot, true, true, 1024, " *>"};
    return kRules;
}

std::string nats_subject_filter(const std::string& pattern) {
    std::string filter;
    std::size_t token = 0;  // where the token in the making begins
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == '{') {
            filter.resize(token);
            filter += '*';
            i = std::min(pattern.find('.', i), pattern.size()) - 1;
            continue;
        }
        filter += pattern[i];
        if (pattern[i] == '.') token = filter.size();
    }
    return filter;
}

}  // namespace penstock::sinks

namespace penstock::config {

using sinks::NatsConfig;

namespace {

/// Why this is no subject, or "".
std::string subject_problem(const std::string& subject) {
    const auto made = sinks::NameTemplate::parse(subject, sinks::nats_subject_rules());
    if (!made.ok()) return made.error().message;
    const bool empty_token = subject.starts_with('.') || subject.ends_with('.') ||
                             subject.find("..") != std::string::npos;
    return empty_token ? "must not have an empty token" : "";
}

}  // namespace

Table<NatsConfig> Fields<NatsConfig>::table() {
    using C = NatsConfig;
    return {
        field(
            "servers",
            &C::servers,
            "Servers of the cluster: nats://host:4222.",
            required,
            not_empty,
            max_items(64)
        ),
        field(
            "stream",
            &C::stream,
            "Stream that must take the messages.",
            required,
            matches("[A-Za-z0-9_-]{1,255}", "a name of letters, digits, '_' and '-'")
        ),
        field(
            "subject",
            &C::subject,
            "Subject; may hold {device}, {client}, {stream}, {status} and {topic} behind a literal "
            "beginning, as in telemetry.{stream}.{device}. Each is one token.",
            required
        ),
        field(
            "create_stream",
            &C::create_stream,
            "Make the stream when there is none: file storage, the subjects that 'subject' gives."
        ),
        field(
            "replicas",
            &C::replicas,
            "Copies in the cluster of a stream that is made.",
            between(1U, 5U)
        ),
        field(
            "exclusive",
            &C::exclusive,
            "No one else writes to this stream: each message then names the one before it, and "
            "none "
            "is stored out of order even when one between is refused."
        ),
        keys_of(&C::output),
        field(
            "max_in_flight",
            &C::max_in_flight,
            "Messages sent and not yet confirmed.",
            between(1U, 1'000'000U)
        ),
        field(
            "max_in_flight_size",
            &C::max_in_flight_size,
            "Bytes sent and not yet confirmed.",
            between(64_KiB, 1_GiB)
        ),
        field(
            "connect_timeout",
            &C::connect_timeout,
            "Longest wait for a connection to one server.",
            between<Duration>(std::chrono::milliseconds(100), std::chrono::minutes(5))
        ),
        field(
            "ack_timeout",
            &C::ack_timeout,
            "Connect anew when nothing is confirmed for this long.",
            between<Duration>(std::chrono::milliseconds(100), std::chrono::minutes(10))
        ),
        field("user", &C::user, "User name."),
        field("password", &C::password, "Password of the user."),
        field("token", &C::token, "Token."),
        field("credentials", &C::credentials, "File of a user's JWT and key (.creds)."),
        field("use_tls", &C::use_tls, "Encrypt, and check the server's certificate and name."),
        field("tls", &C::tls, "Certificates."),
    };
}

void Fields<NatsConfig>::check(const NatsConfig& c, const Origin& where, Problems& problems) {
    if (const std::string why = subject_problem(c.subject); !why.empty()) {
        problems.error(where.at("subject"), "'subject' " + why);
    }
    for (std::size_t i = 0; i < c.servers.size(); ++i) {
        const std::string& server = c.servers[i];
        const bool url = server.starts_with("nats://") || server.starts_with("tls://");
        if (!url || server.find('@') != std::string::npos) {
            problems.error(
                where.at("servers[" + std::to_string(i) + "]"),
                "must be nats://host:port, without user and password"
            );
        }
    }
    const int ways =
        (c.user.empty() ? 0 : 1) + (c.token.empty() ? 0 : 1) + (c.credentials.empty() ? 0 : 1);
    if (ways > 1)
        problems.error(where.here(), "only one of user, token and credentials may be set");
    if (c.user.empty() != c.password.empty()) {
        problems.error(where.here(), "user and password must be set together");
    }
    sinks::check_use_tls(c.use_tls, c.tls, where, problems);
    if (!c.use_tls && (!c.password.empty() || !c.token.empty())) {
        problems.warn(where.here(), "the password or token goes over the network unprotected");
    }
}

}  // namespace penstock::config
