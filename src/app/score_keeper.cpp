#include "app/score_keeper.h"

#include "base/log.h"
#include "inspect/score/device_table.h"
#include "inspect/score/state_blob.h"
#include "journal/journal.h"
#include "penstock/log_reader.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace penstock::app {
namespace {

std::span<std::byte> bytes_of(std::string& text) {
    return std::as_writable_bytes(std::span(text));
}
std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

}  // namespace

ScoreKeeper::ScoreKeeper(
    std::filesystem::path directory, journal::Journal& journal, ShardSet& shards
)
    : journal_(journal), shards_(shards), store_(std::move(directory), journal.id()) {}

ScoreKeeper::~ScoreKeeper() = default;

Status ScoreKeeper::restore() {
    std::uint64_t unusable = 0;
    PS_TRY(const auto covered, store_.load([&](const ScoreSnapshot& part) {
        auto left = bytes_of(part.states);
        while (!left.empty()) {
            const auto blob = inspect::StateBlob::parse(left);
            if (!blob) {
                ++unusable;
                return;
            }
            const auto home = home_shard(device_hash(blob->device()), shards_.count());
            if (!shards_.devices(home.value).restore(*blob).ok()) ++unusable;
            left = left.subspan(blob->bytes().size());
        }
    }));
    covered_.store(covered.value, std::memory_order_relaxed);
    if (unusable != 0) log::warn("scoring states left out", {{"states", unusable}});

    // Records above the checkpoint, in their order. What retention took away is not learned again.
    const auto reader = journal_.reader();
    reader->seek(std::max(covered.next(), journal_.oldest()));
    std::uint64_t applied = 0;
    while (reader->position() <= journal_.durable()) {
        PS_TRY(const auto read, reader->read(0, {}));
        if (read.chunk == nullptr) {
            if (read.gap.cause == Gap::Cause::none) break;
            continue;
        }
        auto lsn = read.chunk->first();
        auto left = read.chunk->records();
        while (!left.empty()) {
            PS_TRY(const auto record, RecordView::parse(left));
            left = left.subspan(record.bytes().size());
            if (lsn > covered) {
                const auto home = home_shard(record.device_hash(), shards_.count());
                shards_.devices(home.value).apply(record, lsn);
                ++applied;
            }
            lsn = lsn.next();
        }
    }
    log::info(
        "learned scores restored", {{"checkpoint_lsn", covered.value}, {"records_applied", applied}}
    );
    return {};
}

void ScoreKeeper::start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void ScoreKeeper::request() {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
    changed_.notify_one();
}

void ScoreKeeper::run(const std::stop_token& stop) {
    while (true) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, stop, [this] { return wanted_; });
            if (stop.stop_requested()) return;
            wanted_ = false;
        }
        save();
    }
}

void ScoreKeeper::save() {
    // What was copied for a checkpoint that came to nothing counts as saved in the tables: take
    // everything then.
    const bool full = store_.wants_full() || std::exchange(incomplete_, false);
    auto parts = shards_.checkpoint(full, kAnswer);
    if (parts.empty()) {
        log::warn("score checkpoint put off", {{"reason", "a shard did not answer in time"}});
        incomplete_ = true;
        return;
    }
    for (auto& part : parts) {
        for (auto left = bytes_of(part.states); !left.empty();) {
            const auto blob = inspect::StateBlob::parse(left);
            if (!blob) break;
            const auto size = blob->bytes().size();
            inspect::StateBlob::set_lsn(left.first(size), part.lsn);
            left = left.subspan(size);
        }
    }
    if (const auto saved = store_.save(parts, full); !saved.ok()) {
        log::warn("score checkpoint not written", {{"reason", saved.error().message}});
        incomplete_ = true;
        return;
    }
    Lsn covered = parts.front().lsn;
    for (const auto& part : parts)
        covered = std::min(covered, part.lsn);
    covered_.store(covered.value, std::memory_order_relaxed);
}

void ScoreKeeper::finish() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
    save();
}

}  // namespace penstock::app
