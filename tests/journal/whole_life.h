#pragma once

#include "journal/cursor.h"
#include "journal/format.h"
#include "journal/index_keeper.h"
#include "journal/retention.h"
#include "journal/tool.h"
#include "stepped_journal.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <vector>

namespace penstock::test {

/// A data directory through starts, commits, rolls, seals, cursors, indexes, retention and
/// shutdowns, one process after another, with a witness who knows what was promised in each of
/// them. Whatever fails is met as the daemon meets it: a failed journal ends the process, a sink
/// tries its cursor again, retention tries again.
/// Threads: one.
class WholeLife {
public:
    explicit WholeLife(Disk& disk, std::uint64_t seed = 1)
        : bench(disk, seed, 2), sinks_{Sink{"lake"}, Sink{"events"}}, disk_(disk) {
        bench.options.config.segment_size = 64_KiB;
        bench.options.config.batch_size = 8_KiB;
        bench.options.config.record_max = 16_KiB;
        bench.options.config.memory_tail = 16_KiB;  // so that sinks read from disk, too
    }

    /// One process: `rounds` of work, then a clean shutdown if wanted. False: it could not start,
    /// or ended early because the journal failed.
    bool live(int rounds, bool close) {
        if (!bench.open().ok()) return false;
        {
            journal::Journal& journal = *bench.journal;
            metrics::Registry registry;
            journal::IndexKeeper keeper(journal::LogParts::of(journal), registry);
            journal::RetentionConfig config;
            config.retain_size = 96_KiB;
            journal::Retention retention(
                journal::RetentionParts::of(journal, bench.options.config), config, registry
            );
            retention.expect({{sinks_[0].name}, {sinks_[1].name}});
            for (int i = 0; i < rounds && !bench.failed; ++i) {
                work(i);
                for (const auto& segment : journal.segments().all()) {
                    if (segment.sealed) static_cast<void>(keeper.index_of(segment));
                }
                static_cast<void>(retention.run_once());
            }
            vouch();
        }
        bool well = !bench.failed;
        if (close && well) well = bench.journal->close().ok();
        end();
        return well;
    }

    /// The process is gone.
    void end() {
        for (Sink& sink : sinks_)
            sink.cursor.reset();
        bench.die();
    }

    /// Starts, and compares with what was promised: empty, or what is wrong. Leaves a process that
    /// is to be ended.
    [[nodiscard]] std::string start_and_check() {
        if (const Status opened = bench.open(); !opened.ok()) {
            return "the start is refused: " + opened.error().message;
        }
        forget_delivered();
        if (auto wrong = check_cursors(true); !wrong.empty()) return wrong;
        if (auto wrong = bench.check(); !wrong.empty()) return wrong;
        for (const Gap& gap : bench.gaps) {
            if (gap.cause != Gap::Cause::skipped) return "a gap that nobody accepted";
        }
        return check_files();
    }

    /// Sinks are never ahead of what was confirmed; `whole`: nor behind what was saved.
    [[nodiscard]] std::string check_cursors(bool whole) {
        for (Sink& sink : sinks_) {
            auto cursor = bench.journal->cursors().attach(sink.name);
            if (!cursor.ok()) return sink.name + ": " + cursor.error().message;
            const Lsn at = (*cursor)->lsn();
            if (at > sink.confirmed) return sink.name + " is ahead of its far side";
            if (whole && at < sink.saved) return sink.name + " is behind what was saved";
            sink.cursor = std::move(*cursor);
        }
        return {};
    }

    /// After corruption: a start either brings back all that was promised or says what is damaged,
    /// and with the loss accepted every missing record stands in a gap. Empty, or what is wrong.
    [[nodiscard]] std::string start_and_check_damage() {
        forget_delivered();
        Status opened = bench.open();
        if (opened.ok()) {
            if (auto wrong = check_cursors(false); !wrong.empty()) return wrong;
            const auto back = read_all(*bench.journal->reader());
            if (back.errors.empty()) return check_losses(back);
            if (back.errors.front().code != Errc::corrupt) return back.errors.front().message;
            end();
        } else if (opened.error().code != Errc::corrupt) {
            return "the start is refused: " + opened.error().message;
        }
        if (auto wrong = repair(); !wrong.empty()) return wrong;
        opened = bench.open();
        if (!opened.ok()) return "refused after the repair: " + opened.error().message;
        const auto back = read_all(*bench.journal->reader());
        if (!back.errors.empty()) return "after the repair: " + back.errors.front().message;
        return check_losses(back);
    }

    /// Records that every sink has confirmed may be gone.
    void forget_delivered() {
        const Lsn floor = std::min(sinks_[0].confirmed, sinks_[1].confirmed);
        auto& kept = bench.acknowledged;
        kept.erase(kept.begin(), kept.upper_bound(floor.value));
    }

    SteppedJournal bench;
    int patience = 60;  // steps until a commit is given up; a real disk takes its time

private:
    struct Sink {
        std::string name;
        Lsn confirmed{};  // by its far side
        Lsn saved{};      // says its cursor file
        journal::CursorPtr cursor{};
    };

    void work(int round) {
        const bool large = round % 5 == 4;
        const auto shard = static_cast<std::uint32_t>(round) % 2;
        if (bench.submit(large ? 1 : 3, large ? 12'000 : 1'500, shard)) bench.settle(patience);
        deliver(sinks_[0], bench.journal->durable());
        if (round % 3 == 0) deliver(sinks_[1], bench.journal->durable());
        if (round % 6 == 5) bench.clock.advance(kSecond);
    }

    /// The far side confirms everything up to `lsn`; the cursor follows if it can.
    void deliver(Sink& sink, Lsn lsn) {
        if (!sink.cursor) {
            auto attached = bench.journal->cursors().attach(sink.name);
            if (!attached.ok()) return;
            sink.cursor = std::move(*attached);
        }
        if (lsn <= sink.cursor->lsn()) return;
        sink.confirmed = std::max(sink.confirmed, lsn);
        SinkProgress progress;
        progress.safe = lsn;
        const auto state = std::as_bytes(std::span(sink.name));
        if (sink.cursor->save(journal::Confirmed::by(progress), state).ok()) sink.saved = lsn;
    }

    /// Half a second of peace, after which the last frame says that all before it was durable.
    void vouch() {
        bench.clock.advance(kSecond);
        for (int i = 0; i < 4 && !bench.failed; ++i)
            bench.step();
    }

    [[nodiscard]] std::string repair() {
        journal::ToolOptions options;
        options.directory = bench.options.directory;
        options.accept_loss = true;
        options.random = bench.options.random;
        std::ostringstream did;
        std::ostringstream problems;
        if (journal::repair_journal(options, disk_, did, problems) == journal::kToolOk) return {};
        return "not repaired: " + problems.str();
    }

    /// Every record that was promised is there as it was, or lost and said to be.
    [[nodiscard]] std::string check_losses(const ReadBack& back) const {
        if (!back.contiguous) return "LSNs are not contiguous";
        for (const auto& [lsn, record] : bench.acknowledged) {
            const auto found = back.records.find(lsn);
            const std::uint64_t at = lsn;
            const bool said = std::ranges::any_of(back.gaps, [at](const Gap& gap) {
                return gap.cause == Gap::Cause::corrupt && gap.from.value <= at &&
                       at <= gap.to.value;
            });
            if (found == back.records.end() && !said)
                return "LSN " + std::to_string(lsn) + " is lost without a word";
            if (found != back.records.end() && found->second != record)
                return "LSN " + std::to_string(lsn) + " holds another record";
        }
        return {};
    }

    /// No half-made file, nothing that belongs to nobody.
    [[nodiscard]] std::string check_files() const {
        const auto entries = disk_.list(bench.options.directory);
        if (!entries.ok()) return entries.error().message;
        std::vector<std::string> names;
        for (const DiskEntry& entry : *entries)
            names.push_back(entry.name);
        std::size_t segments = 0;
        for (const std::string& name : names) {
            if (name.ends_with(journal::kTemporarySuffix)) return name + " is left behind";
            if (name.ends_with(journal::kPreparedSuffix)) return name + " is left behind";
            if (journal::segment_number(name)) ++segments;
            if (!name.ends_with(journal::kIndexSuffix)) continue;
            const auto of = name.substr(0, name.size() - journal::kIndexSuffix.size());
            if (std::ranges::find(names, of) == names.end()) return name + " has no segment";
        }
        const std::size_t known = bench.journal->segments().size();
        if (segments > known + 1) return "segment files that the journal does not know";
        return {};
    }

    std::array<Sink, 2> sinks_;
    Disk& disk_;
};

}  // namespace penstock::test
