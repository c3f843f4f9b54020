#include "app/status.h"

#include "app/version.h"
#include "base/iso_time.h"
#include "base/json_text.h"
#include "base/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <string_view>
#include <utility>

namespace penstock::app {
namespace {

/// Writes one JSON object, member by member.
/// Threads: one.
class Object {
public:
    explicit Object(std::string& out) : out_(out) { out_ += '{'; }
    ~Object() { out_ += '}'; }
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;

    std::string& member(std::string_view key) {
        if (!first_) out_ += ',';
        first_ = false;
        append_json_string(key, out_);
        out_ += ':';
        return out_;
    }
    void text(std::string_view key, std::string_view value) {
        append_json_string(value, member(key));
    }
    template <class T>
        requires std::unsigned_integral<T> || std::floating_point<T>
    void number(std::string_view key, T value) {
        append_json_number(value, member(key));
    }

private:
    std::string& out_;
    bool first_ = true;
};

void append_status(
    const journal::Journal& journal,
    const metrics::Registry& registry,
    std::uint64_t config_generation,
    std::string& out
) {
    Object node(out);
    node.text("version", kVersion);
    node.text("commit", kCommit);
    node.number("configGeneration", config_generation);
    {
        Object part(node.member("journal"));
        part.text("id", journal.id().text());
        part.text("state", journal::name(journal.state()));
        part.text("io", journal.io_mode());
        part.number("durableLsn", journal.durable().value);
        part.number("oldestLsn", journal.oldest().value);
        part.number("sizeBytes", registry.value("penstock_journal_size_bytes"));
    }
    {
        Object part(node.member("received"));
        for (const auto* source : {"mqtt", "http", "will"}) {
            part.number(
                source, registry.value("penstock_received_records_total", {{"source", source}})
            );
        }
    }
}

/// accepted = delivered + quarantined + dropped + filtered + expired + corrupt + skipped + pending,
/// at one moment.
void append_ledger(
    const sinks::SinkHealth& sink, const journal::QuarantineCounts& counts, Object& one
) {
    const auto& [base, tally] = sink.balance;
    const auto shown = sinks::shown(sink.balance, counts);
    Object ledger(one.member("ledger"));
    ledger.number("since", base.value);
    ledger.number("accepted", sink.durable.value - base.value);
    ledger.number("delivered", shown.delivered);
    ledger.number("quarantined", shown.quarantined);
    ledger.number("dropped", shown.dropped);
    ledger.number("filtered", tally.filtered);
    ledger.number("expired", tally.expired);
    ledger.number("corrupt", tally.corrupt);
    ledger.number("skipped", tally.skipped);
    ledger.number("pending", sink.lag_records);
}

}  // namespace

std::string status_json(
    const journal::Journal& journal,
    const metrics::Registry& registry,
    std::uint64_t config_generation
) {
    std::string out;
    append_status(journal, registry, config_generation, out);
    return out;
}

std::string sinks_json(
    const std::vector<sinks::SinkHealth>& sinks,
    const std::vector<journal::Backlog>& backlogs,
    const journal::QuarantineStore& quarantine
) {
    std::string out = "[";
    for (const auto& sink : sinks) {
        if (out.size() > 1) out += ',';
        Object one(out);
        one.text("id", sink.id);
        one.text("type", sink.type);
        one.text("state", sinks::name(sink.state));
        one.number("cursor", sink.cursor.value);
        one.number("lagRecords", sink.lag_records);
        const auto backlog = std::ranges::find(backlogs, sink.id, &journal::Backlog::sink);
        if (backlog != backlogs.end()) one.number("lagBytes", backlog->bytes);
        one.number("lagSeconds", sink.lag_seconds);
        one.number("recordsPerSecond", sink.rate);
        if (backlog != backlogs.end()) one.number("runwaySeconds", backlog->runway);
        append_ledger(sink, quarantine.counts(sink.id, sink.balance.base), one);
        one.number("failuresInARow", std::uint64_t{sink.failures_in_a_row});
        if (sink.last_error.empty()) continue;
        one.text("lastError", sink.last_error);
        std::string when;
        append_iso_time(sink.last_error_at, when);
        one.text("lastErrorAt", when);
    }
    return out + "]";
}

api::Readiness not_ready_yet() {
    api::Readiness found;
    found.reasons.push_back(
        {.code = "recovering", .message = "the journal is being recovered", .failing = true}
    );
    return found;
}

api::Readiness readiness_of(
    journal::State journal, const std::vector<sinks::SinkHealth>& sinks, bool draining
) {
    api::Readiness found;
    const auto add = [&found](std::string_view code, std::string message, bool failing) {
        found.reasons.push_back({.code = code, .message = std::move(message), .failing = failing});
    };
    if (draining) add("draining", "the node is stopping", true);
    if (journal == journal::State::full) add("journal_full", "no space for records", true);
    if (journal == journal::State::failed) add("journal_failed", "a write or sync failed", true);
    for (const auto& sink : sinks) {
        if (sink.state == sinks::SinkState::running || sink.state == sinks::SinkState::starting)
            continue;
        add("sink",
            fmt::format("{}: {}: {}", sink.id, sinks::name(sink.state), sink.last_error),
            false);
    }
    return found;
}

}  // namespace penstock::app
