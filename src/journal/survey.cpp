#include "journal/survey.h"

#include <algorithm>
#include <cstring>

namespace penstock::journal {

namespace {

std::span<const std::byte> from(std::span<const std::byte> bytes, std::uint64_t offset) noexcept {
    return offset >= bytes.size() ? std::span<const std::byte>{} : bytes.subspan(offset);
}

/// Walks one segment. Candidates are all headers that stand at a block; most are frames.
class Surveyor {
public:
    Surveyor(std::span<const std::byte> bytes, Lsn committed, Survey& out)
        : bytes_(bytes), out_(out), elsewhere_(committed) {
        find_candidates();
    }

    void run() {
        std::uint64_t at = kFirstFrameOffset;
        std::uint32_t chain = chain_at_start();
        Lsn due{out_.header.first};
        for (;;) {
            const Candidate* next = candidate_at(at);
            const bool in_order = next != nullptr && next->header.first == due.value &&
                                  next->header.previous == chain && payload_ok(next->header);
            if (!in_order) {
                if (is_end(at, due)) break;
                if (proven_behind(at) < due) {
                    cut(at);
                    break;
                }
                next = next_whole(at, due);
                add_damage(at, due, next);
                if (next == nullptr) break;
            }
            keep(next->header);
            chain = next->header.crc;
            due = next->header.next();
            at = next->header.offset + next->header.stored_bytes();
        }
    }

private:
    struct Candidate {
        FrameHeader header;
        Lsn proven_from_here;  // the highest LSN that this header or a later one proves durable
    };

    // What the header said is gone with it.
    [[nodiscard]] std::uint32_t chain_at_start() const {
        const Candidate* const first = candidate_at(kFirstFrameOffset);
        if (out_.header_rebuilt && first != nullptr) return first->header.previous;
        return chain_of(out_.header);
    }

    void find_candidates() {
        for (std::uint64_t at = kFirstFrameOffset; at < bytes_.size(); at += kBlock) {
            if (const auto header = load_frame_header(from(bytes_, at), out_.header.nonce, at)) {
                candidates_.push_back({*header, {header->committed_through}});
                out_.named = std::max({out_.named, Lsn{header->next().value - 1}});
            }
            const auto footer =
                load_footer(from(bytes_, at).first(std::min(kBlock, bytes_.size() - at)));
            if (footer.ok() && footer->nonce == out_.header.nonce && footer->offset == at) {
                out_.footer = *footer;
            }
        }
        Lsn proven = elsewhere_;
        if (out_.footer) proven = std::max(proven, Lsn{out_.footer->last});
        at_end_ = proven;
        for (auto candidate = candidates_.rbegin(); candidate != candidates_.rend(); ++candidate) {
            proven = std::max(proven, candidate->proven_from_here);
            candidate->proven_from_here = proven;
        }
        out_.committed = proven;
        out_.named = std::max(out_.named, proven);
    }

    [[nodiscard]] std::vector<Candidate>::const_iterator first_from(std::uint64_t offset) const {
        return std::ranges::lower_bound(candidates_, offset, {}, [](const Candidate& c) {
            return c.header.offset;
        });
    }

    [[nodiscard]] const Candidate* candidate_at(std::uint64_t offset) const {
        const auto found = first_from(offset);
        return found != candidates_.end() && found->header.offset == offset ? &*found : nullptr;
    }

    [[nodiscard]] bool payload_ok(const FrameHeader& header) const {
        const auto payload = from(bytes_, header.offset + sizeof(FrameHeader));
        return payload.size() >= header.payload_bytes &&
               payload_matches(header, payload.first(header.payload_bytes));
    }

    // The footer, or nothing but zeros.
    [[nodiscard]] bool is_end(std::uint64_t at, Lsn due) const {
        if (out_.footer && out_.footer->offset == at) return out_.footer->last + 1 == due.value;
        return proven_behind(at) < due && all_zero(from(bytes_, at));
    }

    [[nodiscard]] Lsn proven_behind(std::uint64_t at) const {
        const auto found = first_from(at);
        return found == candidates_.end() ? at_end_ : found->proven_from_here;
    }

    [[nodiscard]] const Candidate* next_whole(std::uint64_t at, Lsn due) const {
        for (auto found = first_from(at); found != candidates_.end(); ++found) {
            if (found->header.first >= due.value && payload_ok(found->header)) return &*found;
        }
        return nullptr;
    }

    void cut(std::uint64_t at) {
        auto rest = from(bytes_, at);
        while (!rest.empty() && rest.back() == std::byte{0})
            rest = rest.first(rest.size() - 1);
        out_.torn_bytes = rest.size();
    }

    void add_damage(std::uint64_t at, Lsn due, const Candidate* next) {
        Damage damage{at, 0, due, {}};
        if (next != nullptr) {
            damage.size = next->header.offset - at;
            damage.to = {next->header.first - 1};
        } else {
            std::uint64_t end = bytes_.size();
            if (out_.footer && out_.footer->offset >= at) end = out_.footer->offset;
            damage.size = end > at ? end - at : 0;
            damage.to = proven_behind(at);
        }
        out_.last = damage.to;
        out_.damages.push_back(damage);
    }

    void keep(const FrameHeader& header) {
        out_.frames.push_back(header);
        out_.last = {header.next().value - 1};
        out_.end = header.offset + header.stored_bytes();
    }

    std::span<const std::byte> bytes_;
    Survey& out_;
    std::vector<Candidate> candidates_;
    Lsn elsewhere_;
    Lsn at_end_;
};

}  // namespace

std::uint64_t Survey::records() const noexcept {
    std::uint64_t sum = 0;
    for (const FrameHeader& frame : frames)
        sum += frame.count;
    return sum;
}

std::uint64_t Survey::lost() const noexcept {
    std::uint64_t sum = 0;
    for (const Damage& damage : damages)
        sum += damage.lost();
    return sum;
}

bool Survey::whole() const noexcept {
    return footer.has_value() && footer->offset == end && damages.empty() && torn_bytes == 0 &&
           !header_rebuilt;
}

bool all_zero(std::span<const std::byte> bytes) noexcept {
    return bytes.empty() || (bytes.front() == std::byte{0} &&
                             std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

Result<SegmentHeader> read_segment_header(std::span<const std::byte> bytes, bool* repaired) {
    auto first = load_segment_header(bytes);
    auto second = load_segment_header(from(bytes, kBlock));
    if (repaired != nullptr) *repaired = first.ok() != second.ok();
    if (first.ok()) return first;
    if (second.ok()) return second;
    return first.error().code == Errc::unsupported ? first : second;
}

std::optional<SegmentFooter> footer_at_end(std::span<const std::byte> bytes) {
    if (bytes.size() < kFirstFrameOffset + kBlock || bytes.size() % kBlock != 0) return {};
    const auto footer = load_footer(bytes.last(kBlock));
    if (!footer.ok() || footer->offset != bytes.size() - kBlock) return {};
    return *footer;
}

Result<Survey> survey(std::span<const std::byte> bytes, Lsn committed) {
    Survey out;
    auto header = read_segment_header(bytes, &out.header_repaired);
    const auto footer = footer_at_end(bytes);
    if (!header.ok() && header.error().code == Errc::corrupt && footer) {
        header = header_of(*footer);
        out.header_rebuilt = true;
    }
    if (!header.ok()) return header.error();
    out.header = *header;
    out.last = {out.header.first - 1};
    out.end = kFirstFrameOffset;
    Surveyor(bytes, committed, out).run();
    return out;
}

}  // namespace penstock::journal
