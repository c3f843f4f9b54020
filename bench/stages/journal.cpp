// From encoded records to durable ones.
#include "journal/journal.h"

#include "base/crc32c.h"
#include "base/metrics.h"
#include "base/posix_disk.h"
#include "base/spsc_ring.h"
#include "null_disk.h"
#include "penstock/batch.h"
#include "sample.h"
#include "stage.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace penstock::stages {
namespace {

/// Records of a batch, and so of a commit.
constexpr std::size_t kBatch = 32;

Step checksum() {
    return [at = std::size_t{0}]() mutable {
        used(crc32c(records().bytes(at, kBatch)));
        at = (at + kBatch) % (kDevices - kBatch);
    };
}

/// Batches cross from one thread to the other and back as receipts; here both are one.
Step ring() {
    struct Way {
        SpscRing<BatchPtr> ring{64};
        BatchPtr batch = std::make_shared<Batch>(Batch::kAlignment);
    };
    return [way = std::make_shared<Way>()] {
        for (std::size_t i = 0; i < kBatch; ++i) {
            if (!way->ring.try_push(std::move(way->batch))) throw std::runtime_error("full");
            if (!way->ring.try_pop(way->batch)) throw std::runtime_error("empty");
        }
    };
}

/// A journal that is stepped by hand, and the shard that fills its batches.
class Commits {
public:
    /// `keep`: what must outlive the journal.
    Commits(
        std::shared_ptr<void> keep,
        Disk& disk,
        const std::filesystem::path& directory,
        journal::IoMode io
    )
        : keep_(std::move(keep)) {
        journal::Options options;
        options.directory = directory;
        options.config.io = io;
        options.config.disk_enough = 0_B;
        options.random = [state = std::uint64_t{1}](std::span<std::byte> out) mutable {
            for (std::byte& byte : out) {
                state = state * 6364136223846793005U + 1442695040888963407U;
                byte = static_cast<std::byte>(state >> 56U);
            }
        };
        auto opened = journal::Journal::open(std::move(options), disk, clock_, registry_);
        if (!opened.ok()) throw std::runtime_error(opened.error().message);
        journal_ = std::move(opened).value();
        journal_->set_on_sealed([this](const journal::SegmentInfo&) {
            const auto segments = journal_->segments().all();
            if (segments.size() > 2 && !journal_->retire(segments.front().number).ok())
                throw std::runtime_error("not retired");
        });
    }
    void one_batch() {
        Appender& appender = journal_->appender({0});
        BatchPtr batch = appender.acquire();
        for (std::size_t i = at_; i < at_ + kBatch; ++i) {
            const auto record = records().bytes(i, 1);
            const auto room = batch->reserve(record.size());
            std::memcpy(room.data(), record.data(), record.size());
            batch->commit(record.size());
        }
        at_ = (at_ + kBatch) % (kDevices - kBatch);
        batch->seal();
        if (!appender.submit(batch)) throw std::runtime_error("no room");
        batch.reset();
        // More than the window, so that no commit waits for company.
        clock_.advance(2 * kMillisecond);
        for (std::size_t durable = 0; durable == 0; durable = appender.poll().count) {
            journal_->step();
            if (journal_->state() == journal::State::failed) throw std::runtime_error("failed");
        }
    }

private:
    const std::shared_ptr<void> keep_;
    test::FakeClock clock_;
    metrics::Registry registry_;
    std::unique_ptr<journal::Journal> journal_;
    std::size_t at_ = 0;
};

/// The journal writes as it does where there is no io_uring, to nowhere.
Step commit() {
    auto disk = std::make_shared<NullDisk>();
    auto commits = std::make_shared<Commits>(disk, *disk, "/journal", journal::IoMode::sync);
    return [commits] { commits->one_batch(); };
}

/// The same on the disk that temporary files are on, as the daemon writes there.
Step commit_on_disk() {
    auto directory = std::make_shared<test::TempDir>();
    const auto path = directory->path() / "journal";
    auto commits =
        std::make_shared<Commits>(directory, posix_disk(), path, journal::IoMode::automatic);
    return [commits] { commits->one_batch(); };
}

/// What every reader of the journal begins with.
Step parse() {
    return [at = std::size_t{0}]() mutable {
        const auto record = RecordView::parse(records().at(at++ % kDevices).bytes());
        if (!record.ok()) throw std::runtime_error("not a record");
        used(*record);
    };
}

}  // namespace

std::vector<Stage> journal_stages() {
    return {
        {"journal/crc32c", kBatch, checksum},
        {"journal/ring", kBatch, ring},
        {"journal/append_and_commit", kBatch, commit},
        {"journal/append_and_commit_on_disk", kBatch, commit_on_disk, Stage::Judged::by_time},
        {"journal/parse_record", 1, parse},
    };
}

}  // namespace penstock::stages
