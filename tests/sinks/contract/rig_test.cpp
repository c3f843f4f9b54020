#include "sinks/contract/rig.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <set>
#include <utility>

namespace penstock::sinks::contract {
namespace {

const JournalId kJournal{{0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}};
constexpr Nanoseconds kPatience = 20 * kMillisecond;

using Key = std::pair<std::string, Nanoseconds>;

Nanoseconds event_time(const test::RecordSpec& spec) {
    return test::RecordSpec::kEpoch + spec.at * kMillisecond;
}

}  // namespace

void Rig::append(std::size_t count, std::size_t devices) {
    std::vector<test::RecordSpec> chunk;
    for (std::size_t i = 0; i < count; ++i) {
        test::RecordSpec spec;
        const std::size_t number = sent_.size();
        spec.device = "device-" + std::to_string(number % devices);
        spec.at = static_cast<std::int64_t>(number);
        spec.heart_rate = static_cast<std::int64_t>(number);
        spec.status = number % 7 == 0 ? "HIGH_HEART_RATE" : "NORMAL";
        sent_.push_back({log.durable().plus(chunk.size() + 1), spec});
        chunk.push_back(spec);
        if (chunk.size() == 10 || i + 1 == count) {
            log.append(chunk);
            chunk.clear();
        }
    }
}

void Rig::append(const test::RecordSpec& spec) {
    test::RecordSpec numbered = spec;
    numbered.at = static_cast<std::int64_t>(sent_.size());
    numbered.heart_rate = numbered.at;
    sent_.push_back({log.append({numbered}), numbered});
}

RunnerParts Rig::parts() {
    RunnerParts parts;
    parts.id = "under_test";
    parts.type = "contract";
    parts.settings.retry.first = std::chrono::milliseconds(10);
    parts.settings.retry.longest = std::chrono::milliseconds(200);
    parts.settings.retry.alarm = std::chrono::milliseconds(200);
    parts.sink = far_.make_sink(kJournal);
    if (wrap) parts.sink = wrap(std::move(parts.sink));
    parts.reader = log.reader();
    parts.open_reader = [this] { return log.reader(); };
    parts.cursor = std::make_unique<test::FakeCursorFile>(disk);
    parts.refused = std::make_unique<test::FakeRefusedStore>(disk);
    parts.metrics = &metrics;
    parts.seed = 7;
    return parts;
}

void Rig::start() {
    runner_.reset();
    runner_ = std::make_unique<Runner>(parts());
}

bool Rig::run_until(const std::function<bool()>& done, std::optional<Nanoseconds> within) {
    if (!runner_) start();
    const Clock& clock = system_clock();
    const Nanoseconds end = clock.monotonic() + within.value_or(far_.patience());
    const std::stop_source stop;
    while (!done()) {
        const Nanoseconds now = clock.monotonic();
        if (now >= end) return false;
        const Nanoseconds idle = runner_->step(kPatience, stop.get_token());
        // A runner that backs off: wait as its thread would.
        const timespec pause{0, static_cast<long>(std::min(idle, kPatience))};
        if (idle > 0) ::nanosleep(&pause, nullptr);
    }
    return true;
}

bool Rig::drain() {
    return run_until([this] { return drained(); });
}

void Rig::check_all_arrived(const std::vector<Lsn>& but) {
    std::map<Key, Arrival> arrived;
    for (Arrival& a : far_.arrived()) {
        const Key key{a.device, a.event_time};
        const auto [it, fresh] = arrived.emplace(key, a);
        if (!fresh && it->second.lsn != a.lsn) FAIL("one record under two LSNs: " << a.device);
    }
    std::size_t missing = 0;
    for (const Sent& sent : sent_) {
        const auto it = arrived.find({sent.spec.device, event_time(sent.spec)});
        const bool left_out = std::find(but.begin(), but.end(), sent.lsn) != but.end();
        if (left_out) {
            CHECK(it == arrived.end());
            continue;
        }
        if (it == arrived.end()) {
            ++missing;
            continue;
        }
        if (it->second.lsn && *it->second.lsn != sent.lsn) {
            FAIL_CHECK("LSN " << it->second.lsn->value << ", sent as " << sent.lsn.value);
        }
        if (sent.spec.payload.empty() && it->second.value) {
            if (*it->second.value != std::to_string(sent.spec.heart_rate)) {
                FAIL_CHECK("value " << *it->second.value << " at LSN " << sent.lsn.value);
            }
        }
        arrived.erase(it);
    }
    CHECK(missing == 0);
    CHECK(arrived.empty());  // nothing that was never sent
}

void Rig::check_order() {
    std::map<std::string, Nanoseconds> highest;
    std::map<std::string, std::size_t> seen;
    for (const Arrival& a : far_.arrived()) {
        Nanoseconds& high = highest[a.device];
        if (a.event_time <= high) continue;
        high = a.event_time;
        ++seen[a.device];
    }
    std::map<std::string, std::size_t> wanted;
    for (const Sent& sent : sent_)
        ++wanted[sent.spec.device];
    CHECK(seen == wanted);
}

}  // namespace penstock::sinks::contract
