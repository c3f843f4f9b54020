#include "sinks/ledger.h"

#include <algorithm>
#include <bit>

namespace penstock::sinks {
namespace {

constexpr std::uint64_t low_bits(std::uint64_t n) {
    return n >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
}

}  // namespace

void Tally::add(Fate fate, std::uint64_t n) noexcept {
    switch (fate) {
        case Fate::put:
            confirmed += n;
            break;
        case Fate::filtered:
            filtered += n;
            break;
        case Fate::expired:
            expired += n;
            break;
        case Fate::corrupt:
            corrupt += n;
            break;
        case Fate::skipped:
            skipped += n;
            break;
    }
}

void Ledger::note(Lsn to, Fate fate) {
    if (to <= last_) return;
    const std::uint64_t n = to.value - last_.value;
    last_ = to;
    if (!runs_.empty()) {
        Run& back = runs_.back();
        if (!back.mixed && back.fate == fate) {
            back.count += n;
            return;
        }
        if (n == 1 && mix(back, fate)) return;
    }
    runs_.push_back({n, 0, fate, false});
}

bool Ledger::mix(Run& run, Fate fate) {
    const auto mixable = [](Fate f) { return f == Fate::put || f == Fate::filtered; };
    if (run.count >= kMixable || !mixable(fate)) return false;
    if (!run.mixed) {
        if (!mixable(run.fate)) return false;
        run.bits = run.fate == Fate::put ? low_bits(run.count) : 0;
        run.mixed = true;
    }
    if (fate == Fate::put) run.bits |= std::uint64_t{1} << run.count;
    ++run.count;
    return true;
}

void Ledger::refuse(Lsn lsn) {
    if (lsn > settled_) refused_.insert(lsn);
}

void Ledger::rewind(Lsn safe) {
    safe = std::max(safe, settled_);
    while (last_ > safe) {
        Run& back = runs_.back();
        const std::uint64_t n = std::min(back.count, last_.value - safe.value);
        back.count -= n;
        back.bits &= low_bits(back.count);
        last_.value -= n;
        if (back.count == 0) runs_.pop_back();
    }
}

void Ledger::count(Run& run, std::uint64_t n, Tally& tally) {
    if (run.mixed) {
        const auto put = static_cast<std::uint64_t>(std::popcount(run.bits & low_bits(n)));
        tally.confirmed += put;
        tally.filtered += n - put;
        run.bits = n >= 64 ? 0 : run.bits >> n;
    } else {
        tally.add(run.fate, n);
    }
    run.count -= n;
}

Tally Ledger::settle(Lsn to) {
    Tally tally;
    to = std::min(to, last_);
    while (settled_ < to) {
        Run& front = runs_.front();
        const std::uint64_t n = std::min(front.count, to.value - settled_.value);
        count(front, n, tally);
        settled_.value += n;
        if (front.count == 0) runs_.pop_front();
    }
    while (!refused_.empty() && *refused_.begin() <= settled_) {
        refused_.erase(refused_.begin());
        ++tally.refused;
        --tally.confirmed;
    }
    return tally;
}

}  // namespace penstock::sinks
