#pragma once

#include "app/simulation/node.h"
#include "inspect/support.h"
#include "support/fake_clock.h"
#include "support/fake_disk.h"

#include <array>
#include <map>
#include <optional>
#include <set>
#include <sstream>

namespace penstock::simulation {

/// A node, its devices, far sides, disk and clock in one thread, with all that happens to them
/// decided by a seed. First anything may go wrong and nothing may be promised falsely (safety);
/// then everything is mended and all that was promised has to come true (liveness).
class World {
public:
    explicit World(std::uint64_t seed)
        : random_(seed),
          disk_(random_()),
          shards_(1 + static_cast<std::uint32_t>(pick(3))),
          far_sides_(kSinks) {
        far_sides_[1].settle = 200 * kMillisecond;
        auto inspector = inspect::Inspector::create(inspect::config_of(kStreams), random_());
        inspector_ = std::move(inspector).value();
        disk_.set_async(pick(4) != 0);
        for (std::uint32_t i = 0; i < kDevices; ++i)
            devices_.push_back({"device-" + std::to_string(i), i % shards_});
    }

    /// Empty, or what is wrong.
    std::string run(std::size_t steps) {
        start();
        for (std::size_t i = 0; i < steps && wrong_.empty(); ++i)
            something_happens();
        mend();
        for (int i = 0; i < kPatience && wrong_.empty() && !at_rest(); ++i)
            everybody_moves();
        if (wrong_.empty() && !at_rest()) say("not at rest after everything was mended");
        if (wrong_.empty()) judge();
        return wrong_;
    }

    /// Of everything that happened: equal for equal seeds.
    [[nodiscard]] std::uint64_t trace() const noexcept { return trace_; }
    [[nodiscard]] std::size_t acknowledged() const noexcept { return acknowledged_.size(); }
    [[nodiscard]] std::size_t restarts() const noexcept { return restarts_; }
    [[nodiscard]] Nanoseconds simulated() const noexcept { return clock_.monotonic(); }

private:
    static constexpr std::size_t kSinks = 3;
    static constexpr std::uint32_t kDevices = 7;
    static constexpr int kPatience = 60'000;  // rounds of a millisecond and more
    static constexpr const char* kStreams = R"(
streams:
  s:
    topics: ["t/#"]
    device: { field: deviceId }
    fields:
      heartRate: { type: integer, required: true }
    score: [heartRate]
)";

    struct Device {
        std::string name;
        std::uint32_t shard = 0;  // of its connection
    };
    struct Sent {
        std::uint32_t device = 0;
        bool poison = false;  // every far side refuses it for good
        bool valid = true;
    };

    std::uint64_t pick(std::uint64_t below) { return random_() % below; }
    bool chance(std::uint64_t one_in) { return pick(one_in) == 0; }
    void note(std::uint64_t what) { trace_ = (trace_ ^ what) * 0x100000001b3U + (trace_ >> 29U); }
    void say(const std::string& what) {
        if (wrong_.empty()) wrong_ = what;
    }

    // ---- what may happen ------------------------------------------------------------------------

    void something_happens() {
        const std::uint64_t what = pick(1000);
        note(what);
        if (what < 380) {
            publish();
        } else if (what < 600) {
            node_->shards[pick(shards_)]->turn();
        } else if (what < 760) {
            node_->journal->step();
        } else if (what < 900) {
            static_cast<void>(node_->runners[pick(kSinks)]->step(0, {}));
        } else if (what < 960) {
            clock_.advance(static_cast<Nanoseconds>(pick(3 * kMillisecond)));
        } else if (what < 970) {
            clock_.advance(static_cast<Nanoseconds>(pick(2 * kSecond)));
        } else if (what < 978) {
            static_cast<void>(node_->retention->run_once());
        } else {
            trouble(what - 978);
        }
        if (node_->failed()) crash({});
        note(node_->journal->durable().value);
    }

    void trouble(std::uint64_t what) {
        using Fault = sinks::contract::Fault;
        using Cut = test::FakeDisk::Cut;
        constexpr std::array kFaults{
            Fault::unreachable,
            Fault::reset_after_write,
            Fault::half_accepted,
            Fault::throttled,
            Fault::denied,
            Fault::hang,
            Fault::none,
            Fault::none,
        };
        constexpr std::array kCuts{Cut::drop, Cut::keep, Cut::random, Cut::chaos};
        constexpr std::array kJumps{3600 * kSecond, 86'400 * kSecond, 10 * 365 * 86'400 * kSecond};
        if (what < 8) {
            far_sides_[pick(kSinks)].set(kFaults[pick(kFaults.size())]);
        } else if (what < 11) {
            const Nanoseconds off = kJumps[pick(kJumps.size())];
            clock_.set_wall(chance(2) ? off : -off);
        } else if (what < 14) {
            const auto call = static_cast<test::FakeDisk::Call>(
                pick(static_cast<std::uint64_t>(test::FakeDisk::Call::count))
            );
            disk_.fail(call, 1 + pick(40), chance(3) ? Errc::full : Errc::io);
        } else if (what < 16) {
            disk_.set_capacity(disk_.used() + pick(400'000));
        } else if (what < 18) {
            disk_.set_capacity(std::uint64_t{1} << 40U);
        } else if (what < 20) {
            if (chance(4)) {
                crash({});
            } else {
                crash(kCuts[pick(kCuts.size())]);
            }
        } else if (what == 20) {
            stop_cleanly();
        }
    }

    // ---- devices --------------------------------------------------------------------------------

    void publish() {
        const auto device = static_cast<std::uint32_t>(pick(kDevices));
        for (std::uint64_t more = 1 + pick(8); more > 0; --more) {
            if (!publish_one(device)) return;
        }
    }

    bool publish_one(std::uint32_t device) {
        const std::uint32_t shard = devices_[device].shard;
        if (node_->ears[shard]->busy) return false;
        Sent sent{device, chance(60), !chance(60)};
        const std::uint64_t number = ++numbers_;
        std::string payload = "{\"deviceId\":\"" + devices_[device].name + "\",\"heartRate\":";
        payload += sent.valid ? std::to_string(number) : "\"none\"";
        if (sent.poison) payload += ",\"poison\":true";
        if (chance(40)) payload += ",\"pad\":\"" + std::string(pick(9'000), 'x') + "\"";
        const inspect::Padded padded(payload + "}");
        Message message;
        message.topic = "t/x";
        message.client_id = devices_[device].name;
        message.qos = 1;
        message.payload = padded.view();
        message.arrival = clock_.wall();
        const Ticket ticket{device, life_, static_cast<std::uint32_t>(number)};
        const Reply reply = node_->shards[shard]->submit(message, ticket);
        note(static_cast<std::uint64_t>(reply.kind));
        if (reply.kind == Reply::Kind::busy) {
            node_->ears[shard]->busy = true;
            --numbers_;
            return false;
        }
        if (sent.valid != (reply.kind == Reply::Kind::accepted)) say("inspection changed its mind");
        sent_[number] = sent;
        ++outstanding_;
        return true;
    }

    void hear(const Ticket& ticket) {
        note(ticket.sequence);
        if (ticket.generation != life_) return say("an acknowledgement from an earlier life");
        if (!sent_.contains(ticket.sequence)) return say("an acknowledgement of nothing");
        if (!acknowledged_.insert(ticket.sequence).second) return say("acknowledged twice");
        --outstanding_;
    }

    // ---- lives ----------------------------------------------------------------------------------

    void start() {
        ++life_;
        outstanding_ = 0;
        const Surroundings around{disk_, clock_, inspector_, far_sides_, random_};
        const auto begin = [&] {
            disk_.begin_process();
            return Node::start(around, shards_, [this](const Ticket& t) { hear(t); });
        };
        auto node = begin();
        if (!node.ok(
            )) {  // the fault was in its way, or the disk is full: the supervisor tries again
            disk_.heal();
            disk_.set_capacity(std::uint64_t{1} << 40U);
            node = begin();
        }
        if (!node.ok()) throw std::runtime_error("the start is refused: " + node.error().message);
        node_ = std::move(node).value();
        const auto& report = node_->journal->recovery();
        if (report.lost_lsns != 0) say("a start lost LSNs");
        note(report.next.value);
    }

    /// Power fails; without `cut` the process alone ends.
    void crash(std::optional<test::FakeDisk::Cut> cut) {
        ++restarts_;
        if (cut) disk_.cut(*cut);
        node_.reset();
        start();
    }

    void stop_cleanly() {
        ++restarts_;
        for (int i = 0; i < 200 && outstanding_ > 0 && !node_->failed(); ++i)
            shards_and_journal_move();
        static_cast<void>(node_->stop());
        node_.reset();
        start();
    }

    // ---- the end --------------------------------------------------------------------------------

    void mend() {
        disk_.heal();
        disk_.set_capacity(std::uint64_t{1} << 40U);
        for (auto& far : far_sides_)
            far.set(sinks::contract::Fault::none);
        if (!wrong_.empty()) return;
        if (chance(2)) crash(test::FakeDisk::Cut::random);
        // A record of each device after all that: it has to arrive everywhere, too.
        for (std::uint32_t device = 0; device < kDevices; ++device) {
            for (int i = 0; i < 10'000 && !publish_one(device); ++i)
                everybody_moves();
        }
    }

    void shards_and_journal_move() {
        for (auto& shard : node_->shards)
            shard->turn();
        node_->journal->step();
        clock_.advance(kMillisecond);
    }

    void everybody_moves() {
        shards_and_journal_move();
        if (node_->failed()) return say("the journal failed although nothing is wrong any more");
        for (auto& runner : node_->runners)
            static_cast<void>(runner->step(0, {}));
        note(node_->journal->durable().value);
    }

    [[nodiscard]] bool at_rest() const {
        if (outstanding_ > 0) return false;
        for (const auto& cursor : node_->journal->cursors().attached()) {
            if (cursor->lsn() < node_->journal->durable()) return false;
        }
        return node_->journal->cursors().attached().size() == kSinks;
    }

    void judge() {
        const auto refused = keep_refused();
        std::map<std::uint64_t, std::string> by_lsn;  // no LSN for two records, wherever it arrived
        std::set<std::uint64_t> somewhere;
        std::vector<std::set<std::uint64_t>> at(kSinks);
        for (std::size_t i = 0; i < kSinks; ++i)
            judge_arrivals(i, by_lsn, at[i]);
        for (const auto& here : at)
            somewhere.insert(here.begin(), here.end());
        for (std::size_t i = 0; i < kSinks; ++i) {
            const auto missing = [&](std::uint64_t number) {
                return !at[i].contains(number) && !refused[i].contains(number);
            };
            for (const std::uint64_t number : acknowledged_) {
                if (sent_[number].valid && missing(number)) say_lost(i, number, "acknowledged");
            }
            for (const std::uint64_t number : somewhere) {
                if (missing(number)) say_lost(i, number, "seen by another sink");
            }
            check_ledger(i);
        }
        if (disk_.syncs_after_failure() != 0) say("a file was synced again after a failure");
    }

    void say_lost(std::size_t sink, std::uint64_t number, const char* why) {
        say(Node::sink(sink) + " misses " + std::to_string(number) + ", which was " + why);
    }

    /// Per device, a reader that drops what is not above the highest LSN misses nothing.
    void judge_arrivals(
        std::size_t sink,
        std::map<std::uint64_t, std::string>& by_lsn,
        std::set<std::uint64_t>& here
    ) {
        std::map<std::string, std::uint64_t> high;
        for (const auto& arrival : far_sides_[sink].arrived()) {
            const std::uint64_t number = std::stoull(arrival.value.value_or("0"));
            const std::uint64_t lsn = arrival.lsn->value;
            note(number ^ (lsn << 32U));
            const auto sent = sent_.find(number);
            if (sent == sent_.end()) return say("a record that nobody sent");
            if (devices_[sent->second.device].name != arrival.device)
                return say("of another device");
            const auto [known, fresh] = by_lsn.emplace(lsn, *arrival.value);
            if (!fresh && known->second != *arrival.value) return say("an LSN was used twice");
            auto& highest = high[arrival.device];
            if (here.insert(number).second && lsn <= highest) return say("out of order");
            highest = std::max(highest, lsn);
        }
    }

    std::vector<std::set<std::uint64_t>> keep_refused() {
        std::vector<std::set<std::uint64_t>> refused(kSinks);
        for (std::size_t i = 0; i < kSinks; ++i) {
            journal::QuarantineQuery query;
            const std::string sink = Node::sink(i);
            query.sink = sink;
            query.limit = 1000;
            for (bool more = true; more;) {
                const auto page = node_->quarantine->list(query);
                if (!page.ok()) throw std::runtime_error(page.error().message);
                for (const auto& listed : page->entries) {
                    const auto record = RecordView::parse(listed.entry.record);
                    const auto rate = record ? record->find("heartRate") : std::nullopt;
                    if (rate) refused[i].insert(std::stoull(std::string(rate->text)));
                }
                more = page->next.has_value();
                if (more) query.after = *page->next;
            }
        }
        return refused;
    }

    void check_ledger(std::size_t sink) {
        const auto metric = [&](const char* name) { return node_->metric(name, sink); };
        const double all =
            static_cast<double>(node_->journal->durable().value) - metric("base_lsn");
        const double sum = metric("confirmed_records_total") + metric("quarantined_records_total") +
                           metric("filtered_records_total") + metric("expired_records_total") +
                           metric("corrupt_records_total") + metric("skipped_lsns_total") +
                           metric("lag_records");
        if (all != sum) say(Node::sink(sink) + "'s ledger does not balance");
    }

    std::mt19937_64 random_;
    test::FakeDisk disk_;
    test::FakeClock clock_;
    std::uint32_t shards_;
    std::vector<sinks::contract::MemoryFarSide> far_sides_;
    std::shared_ptr<const inspect::Inspector> inspector_;
    std::vector<Device> devices_;
    std::unique_ptr<Node> node_;

    std::map<std::uint64_t, Sent> sent_;  // by number
    std::set<std::uint64_t> acknowledged_;
    std::uint64_t numbers_ = 0;
    std::uint64_t outstanding_ = 0;
    std::uint32_t life_ = 0;
    std::size_t restarts_ = 0;
    std::uint64_t trace_ = 0xcbf29ce484222325U;
    std::string wrong_;
};

}  // namespace penstock::simulation
