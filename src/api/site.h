#pragma once

#include "api/answer.h"
#include "api/config.h"
#include "api/query.h"
#include "api/readiness.h"
#include "api/tail.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::api {

/// What the app tells about itself. Called on the server's thread: must answer from memory, at
/// once.
struct Sources {
    std::function<Readiness()> readiness;
    std::function<std::string()> status;  // one JSON value
    std::function<std::string()> sinks;   // one JSON value
};

/// The parts of a request that decide. All views live for the call only.
struct Request {
    std::string_view method{};
    std::string_view target{};
    std::string_view host{};
    std::string_view origin{};
    std::string_view authorization{};
};

/// What is to be done about a request: `query` when there is one (it blocks: not on the server's
/// thread), else `tail`, else `answer` as it stands.
struct Plan {
    Answer answer;
    std::function<Answer()> query;
    std::optional<TailClient::Filter> tail;
};

/// Every path of the admin listener:
///
///     /live  /ready  /health  /healthz      health; open to everybody (without a token: no
///     reasons) /metrics                              Prometheus text 0.0.4 /v1/devices
///     /v1/devices/{id}/latest  /v1/devices/{id}/history   (query.h) /v1/tail?device&stream&limit
///     server-sent events /v1/status  /v1/sinks                 what the app says /  /console.js
///     /console.css          the status page
///
/// Nothing here changes anything: methods other than GET and HEAD are 405. Where a token is set it
/// is demanded (bearer, or as password of Basic, which browsers ask for); without one only requests
/// that name this machine by address or `localhost` are served, so that no foreign name can be
/// bound to it from a web page. Threads: one, but for open().
class Site {
public:
    Site(const Config& config, Sources sources, const Clock& clock, metrics::Registry& metrics);
    ~Site();

    /// From now on queries are answered; before they are 503. Once. `history` must outlive the
    /// site.
    void open(History& history, const JournalId& journal);

    /// Ends the tail and gives the history up. When no request and no query is under way any more.
    void close() noexcept;

    [[nodiscard]] Plan plan(const Request& request) const;

    /// Null before open() and when there are too many.
    [[nodiscard]] std::shared_ptr<TailClient> follow(
        TailClient::Filter filter, std::function<void()> wake
    );

private:
    struct Opened;

    [[nodiscard]] bool authorized(const Request& request) const;
    [[nodiscard]] bool host_is_ours(std::string_view host) const;
    [[nodiscard]] Answer ready(bool with_reasons) const;
    [[nodiscard]] Plan devices(Target target) const;
    [[nodiscard]] Plan tail(const Target& target) const;
    [[nodiscard]] Plan route(std::string_view text) const;

    const Config& config_;
    const Sources sources_;
    const Clock& clock_;
    metrics::Registry& metrics_;
    std::unique_ptr<Opened> owned_;
    std::atomic<Opened*> opened_{nullptr};  // released by open(), acquired by requests
};

}  // namespace penstock::api
