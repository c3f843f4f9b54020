#include "sinks/archive/verify.h"

#include "sinks/archive/archive_listing.h"
#include "sinks/archive/object_name.h"
#include "sinks/archive/object_ranges.h"
#include "sinks/archive/object_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <ostream>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks {

namespace {

constexpr std::uint64_t kManifestBytesMax = 64 << 20;

/// What the manifests say of one journal.
struct JournalCover {
    LsnRanges ranges;                              // that are accounted for
    std::map<std::string, ManifestEntry> objects;  // by name
    Lsn accounted;                                 // how far the sink had come

    [[nodiscard]] std::uint64_t records(Lsn above, Lsn up_to) const {
        std::uint64_t sum = 0;
        for (const auto& [name, entry] : objects)
            sum += entry.range.first > above && entry.range.last <= up_to ? entry.records : 0;
        return sum;
    }
};

class Verifier {
public:
    Verifier(const ArchiveCheck& check, const Clock& clock, std::ostream& out)
        : check_(check),
          reader_(make_object_reader(check.config, clock)),
          prefix_(check.config.s3 ? with_slash(check.config.s3->prefix) : std::string()),
          out_(out) {}

    Result<std::uint64_t> run() {
        // What is written while this runs is then in a manifest, or newer than all of them.
        PS_TRY(const auto names, reader_->list(prefix_));
        PS_TRY(
            const auto listing,
            list_archive(*reader_, {prefix_, check_.sink, check_.state_dir, check_.since})
        );
        for (const std::string& problem : listing.problems)
            finding(problem);
        for (const FoundManifest& found : listing.manifests)
            PS_CHECK(take(found));
        for (const auto& [journal, cover] : covers_)
            look_for_gaps(journal, cover);
        if (covers_.empty() && !nothing_archived())
            finding("there is no manifest of sink " + check_.sink);
        PS_CHECK(explain(names));
        check_ledger();
        sum_up();
        return findings_;
    }

private:
    void finding(const std::string& sentence) {
        ++findings_;
        out_ << sentence << '\n';
    }

    Status take(const FoundManifest& found) {
        const Manifest& manifest = found.manifest;
        if (!found.link.name.empty()) ++manifests_;
        known_.insert(found.link.name);
        if (manifest.span().last.value == 0 && manifest.accounted.value == 0) return {};
        JournalCover& cover = covers_[manifest.journal.text()];
        cover.accounted = std::max(cover.accounted, manifest.accounted);
        for (const LsnRange& range : manifest.ranges)
            add_range(cover.ranges, range);
        for (const ManifestEntry& entry : manifest.objects) {
            known_.insert(entry.name);
            // A window that was written again after a cursor was set back stands in two manifests.
            const auto [at, fresh] = cover.objects.emplace(entry.name, entry);
            if (fresh || at->second != entry) PS_CHECK(look_at(entry));
        }
        return {};
    }

    Status look_at(const ManifestEntry& entry) {
        PS_TRY(const std::string wrong, wrong_with(entry));
        if (wrong.empty()) return {};
        finding(fmt::format(
            "{}: {} ({} records, LSN {} to {})",
            entry.name,
            wrong,
            entry.records,
            entry.range.first.value,
            entry.range.last.value
        ));
        return {};
    }

    /// Nothing, or what it is.
    Result<std::string> wrong_with(const ManifestEntry& entry) {
        const auto facts = reader_->look(entry.name, check_.deep);
        if (!facts.ok()) {
            if (facts.error().code == Errc::not_found) return std::string("is missing");
            return facts.error();
        }
        if (facts->bytes != entry.bytes)
            return fmt::format("has {} bytes, not {}", facts->bytes, entry.bytes);
        if (facts->sha256 != entry.sha256) return std::string("has another SHA-256");
        return std::string();
    }

    void look_for_gaps(const std::string& journal, const JournalCover& cover) {
        LsnRanges gaps = gaps_between(cover.ranges);
        const Lsn covered = cover.ranges.empty() ? Lsn{} : cover.ranges.back().last;
        if (covered < cover.accounted) gaps.push_back({covered.next(), cover.accounted});
        for (const LsnRange& gap : gaps) {
            finding(fmt::format(
                "LSN {} to {} of journal {}: no manifest accounts for them",
                gap.first.value,
                gap.last.value,
                journal
            ));
        }
    }

    // ---- what no manifest names -----------------------------------------------------------------

    Status explain(const std::vector<std::string>& names) {
        const std::string manifests = prefix_ + "manifest/";
        const std::string own = manifest_folder(prefix_, check_.sink);
        for (const std::string& name : names) {
            if (name.starts_with(manifests) && !name.starts_with(own)) PS_CHECK(of_others(name));
        }
        for (const std::string& name : names) {
            if (known_.contains(name) || name.starts_with(own)) continue;
            const auto parsed = parse_object_name(name, prefix_);
            if (parsed) {
                judge(name, *parsed);
            } else if (!prefix_.empty() || !check_.config.s3 || name.starts_with("stream=")) {
                finding(name + ": is not of this archive, no manifest names it");
            }  // else it is somebody else's: the bucket is not ours alone
        }
        return {};
    }

    /// What another sink has archived in the same place.
    Status of_others(const std::string& name) {
        PS_TRY(const std::string text, reader_->read(name, kManifestBytesMax));
        const auto manifest = decode_manifest(text);
        if (!manifest.ok()) return {};  // then it is named below
        known_.insert(name);
        for (const ManifestEntry& entry : manifest->objects)
            known_.insert(entry.name);
        return {};
    }

    void judge(const std::string& name, const ObjectName& object) {
        const auto cover = covers_.find(object.journal);
        if (cover == covers_.end()) {
            ++strange_;
        } else if (object.first > cover->second.accounted) {
            ++newer_;
        } else if (cover->second.ranges.empty() ||
                   object.last < cover->second.ranges.front().first) {
            ++older_;
        } else {
            finding(fmt::format(
                "{}: no manifest names it, although LSN {} to {} are accounted for",
                name,
                object.first.value,
                object.last.value
            ));
        }
    }

    // ---- the ledger -----------------------------------------------------------------------------

    /// The sink is so new that it has confirmed nothing.
    [[nodiscard]] bool nothing_archived() const {
        return check_.ledger && check_.ledger->balance.tally.confirmed == 0;
    }

    /// Where windows begin and end exactly where the ledger does, each record is counted in both.
    void check_ledger() {
        if (!check_.ledger) return;
        const Balance& balance = check_.ledger->balance;
        const auto found = covers_.find(check_.ledger->journal.text());
        if (found == covers_.end()) return;
        const JournalCover& cover = found->second;
        comparable_ = !cover.ranges.empty() && cover.ranges.front().first <= balance.base.next() &&
                      windows_fit(cover, balance.base, balance.cursor());
        if (!comparable_) return;
        const std::uint64_t listed = cover.records(balance.base, balance.cursor());
        if (listed == balance.tally.confirmed) return;
        finding(fmt::format(
            "LSN {} to {}: the manifests list {} records, the sink's ledger {}",
            balance.base.next().value,
            balance.cursor().value,
            listed,
            balance.tally.confirmed
        ));
    }

    /// No window crosses an end, and none overlaps with another.
    static bool windows_fit(const JournalCover& cover, Lsn base, Lsn cursor) {
        std::set<std::pair<Lsn, Lsn>> windows;
        for (const auto& [name, entry] : cover.objects)
            windows.insert({entry.range.first, entry.range.last});
        Lsn end;
        for (const auto& [first, last] : windows) {
            if (first <= end) return false;
            if ((first <= base && last > base) || (first <= cursor && last > cursor)) return false;
            end = last;
        }
        return true;
    }

    // ---- the sum --------------------------------------------------------------------------------

    void sum_up() {
        std::size_t objects = 0;
        for (const auto& [journal, cover] : covers_) {
            objects += cover.objects.size();
            say_cover(journal, cover);
        }
        if (older_ > 0)
            out_ << fmt::format("{} objects are older than the first manifest\n", older_);
        if (newer_ > 0)
            out_ << fmt::format("{} objects are on their way into a manifest\n", newer_);
        if (strange_ > 0)
            out_ << fmt::format("{} objects are of journals without a manifest\n", strange_);
        out_ << fmt::format(
            "{} manifests, {} objects: {}\n",
            manifests_,
            objects,
            findings_ == 0 ? "nothing is missing" : fmt::format("{} findings", findings_)
        );
    }

    void say_cover(const std::string& journal, const JournalCover& cover) {
        if (cover.ranges.empty()) return;
        std::uint64_t lsns = 0;
        for (const LsnRange& range : cover.ranges)
            lsns += range.last.value - range.first.value + 1;
        const std::uint64_t records = cover.records({}, {~std::uint64_t{0}});
        out_ << fmt::format(
            "journal {}: LSN {} to {}: {} records archived{}, {} LSNs were not for this sink\n",
            journal,
            cover.ranges.front().first.value,
            cover.ranges.back().last.value,
            records,
            records > lsns ? ", some more than once" : "",
            lsns - std::min(lsns, records)
        );
        if (!comparable_ || check_.ledger->journal.text() != journal) return;
        const Balance& balance = check_.ledger->balance;
        const Tally& tally = balance.tally;
        out_ << fmt::format(
            "  the ledger of LSN {} to {} agrees: {} archived, {} filtered, {} refused, {} "
            "expired, {} lost, {} never given\n",
            balance.base.next().value,
            balance.cursor().value,
            tally.confirmed,
            tally.filtered,
            tally.refused,
            tally.expired,
            tally.corrupt,
            tally.skipped
        );
    }

    const ArchiveCheck& check_;
    std::unique_ptr<ObjectReader> reader_;
    std::string prefix_;
    std::ostream& out_;
    std::map<std::string, JournalCover> covers_;  // by journal id
    std::set<std::string> known_;                 // names that a manifest explains
    std::uint64_t manifests_ = 0;
    std::uint64_t older_ = 0;
    std::uint64_t newer_ = 0;
    std::uint64_t strange_ = 0;
    std::uint64_t findings_ = 0;
    bool comparable_ = false;
};

}  // namespace

Result<std::uint64_t> verify_archive(
    const ArchiveCheck& check, const Clock& clock, std::ostream& out
) {
    return Verifier(check, clock, out).run();
}

}  // namespace penstock::sinks
