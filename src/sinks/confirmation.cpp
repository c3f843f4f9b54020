#include "sinks/confirmation.h"

#include <algorithm>

namespace penstock::sinks {

Confirmations::Confirmations(Lsn start, Nanoseconds settle)
    : settle_(settle), confirmed_(start), settled_(start) {}

void Confirmations::hear(Lsn safe, Nanoseconds now) {
    if (safe <= confirmed_) return;
    confirmed_ = safe;
    if (settle_ == 0) {
        settled_ = safe;
        marks_.clear();
        return;
    }
    const bool join =
        !marks_.empty() && (now - marks_.back().opened) * Nanoseconds{kMarks / 2} < settle_;
    if (join) {
        marks_.back().last = now;
        marks_.back().lsn = safe;
        return;
    }
    marks_.push_back({now, now, safe});
}

void Confirmations::forget_unsettled(Nanoseconds now) {
    confirmed_ = settled(now).lsn();
    marks_.clear();
}

SafePoint Confirmations::settled(Nanoseconds now, Lsn limit) {
    while (!marks_.empty() && now - marks_.front().last >= settle_) {
        settled_ = std::max(settled_, marks_.front().lsn);
        marks_.pop_front();
    }
    if (limit.value != 0 && limit <= settled_) return SafePoint(Lsn{limit.value - 1});
    return SafePoint(settled_);
}

}  // namespace penstock::sinks
