#include "api/site.h"

#include "api/page.h"
#include "base/base64.h"
#include "base/metrics.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace penstock::api {
namespace {

constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

Plan answered(Answer answer) {
    Plan plan;
    plan.answer = std::move(answer);
    return plan;
}

Plan no_such_path() {
    return answered(problem(404, "not_found", "nothing is here; / shows what there is"));
}

Plan not_open() {
    return answered(problem(503, "recovering", "the journal is not open yet"));
}

bool same_word(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) == y;
    });
}

/// Bearer TOKEN, or Basic with the token as password.
std::string token_in(std::string_view authorization) {
    const std::size_t blank = std::min(authorization.find(' '), authorization.size());
    const std::string_view scheme = authorization.substr(0, blank);
    std::string_view rest = authorization.substr(blank);
    while (rest.starts_with(' '))
        rest.remove_prefix(1);
    if (same_word(scheme, "bearer")) return std::string(rest);
    if (!same_word(scheme, "basic")) return {};
    const auto decoded = base64_decoded(rest);
    const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
    return colon == std::string::npos ? std::string{} : decoded->substr(colon + 1);
}

bool is_address(const std::string& host) noexcept {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

/// A host without its port and brackets.
std::string host_of(std::string_view host) {
    if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
    return std::string(host.substr(0, host.find(':')));
}

}  // namespace

struct Site::Opened {
    Opened(
        History& history,
        const JournalId& journal,
        const Config& config,
        const Clock& clock,
        metrics::Registry& metrics
    )
        : query(history, journal, clock),
          tail(history, journal, config.tail_clients, config.tail_buffer.value, metrics) {}

    Query query;
    Tail tail;
};

Site::Site(const Config& config, Sources sources, const Clock& clock, metrics::Registry& metrics)
    : config_(config), sources_(std::move(sources)), clock_(clock), metrics_(metrics) {}

Site::~Site() = default;

void Site::open(History& history, const JournalId& journal) {
    owned_ = std::make_unique<Opened>(history, journal, config_, clock_, metrics_);
    opened_.store(owned_.get(), std::memory_order_release);
}

void Site::close() noexcept {
    opened_.store(nullptr, std::memory_order_release);
    owned_.reset();
}

std::shared_ptr<TailClient> Site::follow(TailClient::Filter filter, std::function<void()> wake) {
    Opened* const opened = opened_.load(std::memory_order_acquire);
    if (opened == nullptr) return nullptr;
    return opened->tail.join(std::move(filter), std::move(wake));
}

bool Site::authorized(const Request& request) const {
    if (config_.token.empty()) return true;
    return config_.token.equals(Secret(token_in(request.authorization)));
}

bool Site::host_is_ours(std::string_view host) const {
    if (!config_.token.empty() || host.empty()) return true;
    const std::string name = host_of(host);
    return same_word(name, "localhost") || is_address(name);
}

Answer Site::ready(bool with_reasons) const {
    Readiness readiness = sources_.readiness ? sources_.readiness() : Readiness{};
    if (opened_.load(std::memory_order_acquire) == nullptr && readiness.ready())
        readiness.reasons.push_back({"recovering", "the journal is not open yet", true});
    Answer answer;
    answer.status = readiness.ready() ? 200 : 503;
    if (with_reasons) {
        answer.body = to_json(readiness);
    } else {
        answer.body = readiness.ready() ? "{\"ready\":true}\n" : "{\"ready\":false}\n";
    }
    return answer;
}

Plan Site::plan(const Request& request) const {
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (!host_is_ours(request.host))
        return answered(problem(403, "bad_host", "ask for this node by address or as localhost"));
    if (!reads && !request.origin.empty() &&
        !request.origin.ends_with("//" + std::string(request.host)))
        return answered(problem(403, "bad_origin", "requests from other sites change nothing here")
        );
    if (!reads) return answered(problem(405, "method_not_allowed", "only GET and HEAD"));
    const std::string_view path = request.target.substr(0, request.target.find('?'));
    const bool known = authorized(request);
    if (path == "/live") return answered({200, "application/json", "{\"live\":true}\n"});
    if (path == "/ready" || path == "/health" || path == "/healthz") return answered(ready(known));
    if (!known)
        return answered(problem(401, "unauthorized", "the admin token is missing or wrong"));
    return route(request.target);
}

Plan Site::route(std::string_view text) const {
    if (const auto found = asset(text.substr(0, text.find('?'))))
        return answered({200, found->type, std::string(found->text)});
    auto target = Target::parse(text);
    if (!target) return answered(problem(400, "bad_target", "bad percent-encoding, or too long"));
    const auto& segments = target->segments;
    if (segments == std::vector<std::string>{"metrics"})
        return answered({200, kMetricsType, metrics_.scrape()});
    if (segments.size() < 2 || segments[0] != "v1") return no_such_path();
    if (segments[1] == "devices") return devices(std::move(*target));
    if (segments.size() != 2) return no_such_path();
    if (segments[1] == "tail") return tail(*target);
    if (segments[1] == "status" && sources_.status)
        return answered({200, "application/json", sources_.status()});
    if (segments[1] == "sinks" && sources_.sinks)
        return answered({200, "application/json", sources_.sinks()});
    return no_such_path();
}

Plan Site::devices(Target target) const {
    const Opened* const opened = opened_.load(std::memory_order_acquire);
    if (opened == nullptr) return not_open();
    const std::size_t size = target.segments.size();
    const std::string what = size == 4 ? target.segments[3] : std::string{};
    Plan plan;
    if (size == 2) {
        plan.query = [opened, asked = std::move(target)] { return opened->query.devices(asked); };
    } else if (what == "latest") {
        plan.query = [opened, device = target.segments[2]] { return opened->query.latest(device); };
    } else if (what == "history") {
        plan.query = [opened, asked = std::move(target)] {
            return opened->query.history(asked.segments[2], asked);
        };
    } else {
        return no_such_path();
    }
    return plan;
}

Plan Site::tail(const Target& target) const {
    if (opened_.load(std::memory_order_acquire) == nullptr) return not_open();
    if (!target.strange_parameter({"device", "stream", "limit"}).empty())
        return answered(problem(400, "bad_parameter", "known here: device, stream, limit"));
    TailClient::Filter filter;
    if (const auto* device = target.find("device")) filter.device = *device;
    if (const auto* stream = target.find("stream")) filter.stream = *stream;
    if (const auto* limit = target.find("limit")) {
        const auto value = text::parse_uint(*limit);
        if (!value || *value == 0)
            return answered(problem(400, "bad_parameter", "limit must be a number above 0"));
        filter.limit = *value;
    }
    Plan plan;
    plan.tail = std::move(filter);
    return plan;
}

}  // namespace penstock::api
