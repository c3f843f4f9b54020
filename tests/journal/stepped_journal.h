#pragma once

#include "base/metrics.h"
#include "journal/journal.h"
#include "numbered_records.h"
#include "support/fake_clock.h"
#include "support/fake_disk.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace penstock::test {

/// A journal that a test steps by hand, with a witness who remembers every acknowledgement.
/// Threads: one.
class SteppedJournal {
public:
    explicit SteppedJournal(Disk& disk, std::uint64_t seed = 1, std::uint32_t shards = 1)
        : pending_(shards), sequence_(shards), disk_(disk) {
        options.directory = "/data/journal";
        options.shards = shards;
        options.config.segment_size = 1_MiB;
        options.config.batch_size = 128_KiB;
        options.config.record_max = 512_KiB;
        options.config.memory_tail = 1_MiB;
        options.config.disk_enough = 0_B;
        options.random = [state = std::make_shared<std::uint64_t>(seed)](std::span<std::byte> out) {
            for (std::byte& byte : out) {
                *state = *state * 6364136223846793005U + 1442695040888963407U;
                byte = static_cast<std::byte>(*state >> 56U);
            }
        };
    }

    [[nodiscard]] Status open() {
        registry = std::make_unique<metrics::Registry>();
        auto opened = journal::Journal::open(options, disk_, clock, *registry);
        if (!opened.ok()) return opened.error();
        journal = std::move(opened).value();
        journal->set_on_failed([this](const Error& error) { failed = error; });
        failed.reset();
        return {};
    }

    void must_open() {
        if (const Status status = open(); !status.ok())
            throw std::runtime_error(status.error().message);
    }

    /// One batch of `count` records. False: it was turned away.
    bool submit(std::uint64_t count, std::uint64_t size = 64, std::uint32_t shard = 0) {
        auto& appender = journal->appender({shard});
        const BatchPtr batch = appender.acquire(count * size);
        std::vector<NumberedRecord> records;
        for (std::uint64_t i = 0; i < count; ++i) {
            records.push_back({shard, sequence_[shard] + i, size});
            put_record(*batch, records.back());
        }
        batch->seal();
        if (!appender.submit(batch)) return false;
        sequence_[shard] += count;
        pending_[shard].push_back(std::move(records));
        return true;
    }

    void step() {
        clock.advance(kMillisecond / 4);
        journal->step();
        collect();
    }

    /// Steps until everything that was submitted is acknowledged, or the journal failed, or it
    /// takes too long.
    bool settle(int steps = 400) {
        for (int i = 0; i < steps && !failed; ++i) {
            step();
            if (outstanding() == 0 && journal->segments().size() > 0) return true;
        }
        return false;
    }

    [[nodiscard]] std::size_t outstanding() const {
        std::size_t sum = 0;
        for (const auto& lane : pending_)
            sum += lane.size();
        return sum;
    }

    /// The process ends without a word.
    void die() {
        journal.reset();
        for (auto& lane : pending_)
            lane.clear();
    }

    /// Reads everything. Empty text: every acknowledged record is there as it was, LSNs are
    /// contiguous, and none was ever used for two records.
    [[nodiscard]] std::string check() {
        const auto reader = journal->reader();
        const ReadBack back = read_all(*reader);
        if (!back.errors.empty()) return "read: " + back.errors.front().message;
        if (!back.contiguous) return "LSNs are not contiguous";
        for (const auto& [lsn, record] : acknowledged) {
            const auto found = back.records.find(lsn);
            if (found == back.records.end())
                return "acknowledged LSN " + std::to_string(lsn) + " is lost";
            if (found->second != record)
                return "LSN " + std::to_string(lsn) + " holds another record";
        }
        for (const auto& [lsn, record] : back.records) {
            const auto [known, fresh] = seen.emplace(lsn, record);
            if (!fresh && known->second != record)
                return "LSN " + std::to_string(lsn) + " was used twice";
        }
        gaps = back.gaps;
        return {};
    }

    [[nodiscard]] std::filesystem::path segment(std::uint64_t number) const {
        return options.directory / journal::segment_name(number);
    }

    FakeClock clock;
    journal::Options options;
    std::unique_ptr<metrics::Registry> registry;
    std::unique_ptr<journal::Journal> journal;
    std::optional<Error> failed;
    std::map<std::uint64_t, NumberedRecord> acknowledged;  // by LSN
    std::map<std::uint64_t, NumberedRecord> seen;          // every record ever read
    std::vector<Gap> gaps;                                 // of the last check()

private:
    void collect() {
        for (std::uint32_t shard = 0; shard < pending_.size(); ++shard) {
            auto& appender = journal->appender({shard});
            for (auto next = appender.poll(); next.count > 0; next = appender.poll()) {
                const auto records = std::move(pending_[shard].front());
                pending_[shard].pop_front();
                for (std::uint64_t i = 0; i < next.count; ++i) {
                    acknowledged[next.first.value + i] = records.at(i);
                    seen[next.first.value + i] = records.at(i);
                }
            }
        }
    }

    std::vector<std::deque<std::vector<NumberedRecord>>> pending_;
    std::vector<std::uint64_t> sequence_;
    Disk& disk_;
};

struct OwnFakeDisk {
    FakeDisk disk;
};

/// The same on a fake disk:
///     JournalBench bench; bench.open(); bench.submit(3); bench.settle(); bench.crash(...);
///     bench.open(); bench.check();
class JournalBench : private OwnFakeDisk, public SteppedJournal {
public:
    explicit JournalBench(std::uint64_t seed = 1, std::uint32_t shards = 1)
        : OwnFakeDisk{FakeDisk(seed)}, SteppedJournal(OwnFakeDisk::disk, seed, shards) {}

    using OwnFakeDisk::disk;

    /// The process ends without a word, and power may be cut.
    void crash(FakeDisk::Cut cut) {
        disk.heal();
        disk.cut(cut);
        die();
    }
};

}  // namespace penstock::test
