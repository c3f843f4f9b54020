#pragma once

#include "penstock/clock.h"
#include "penstock/sink.h"
#include "sinks/series/write_answer.h"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks {

/// Points waiting to be sent, or under way.
struct LineBatch {
    struct Line {
        Lsn lsn;
        std::size_t begin = 0;  // in body
        std::size_t size = 0;   // with the line feed
        Nanoseconds time = 0;
    };
    std::string body;
    std::vector<Line> lines;
    Lsn last;  // the batch says something about every record up to here
    Nanoseconds opened = 0;

    [[nodiscard]] std::string_view text(std::size_t line) const {
        return std::string_view(body).substr(lines[line].begin, lines[line].size);
    }
};

/// Finds the bad lines of one batch (S05, S06): sends it whole, and when the far side complains, in
/// parts, until each line is either in a write that was confirmed or refused for good. Only a
/// confirmation counts: a 400 that says it kept the rest confirms nothing, the rest is sent again
/// (stores that answer so keep one point of two equal ones). A line is refused when it was alone in
/// a write, or when the far side said that it dropped as many as there were. What the answer hints
/// at (line numbers, quoted lines, a field's name, the oldest points) is tried first, so that one
/// bad field costs three requests; bounded by 2n-1 requests for n lines whatever the far side says.
/// Threads: owner.
class Sift {
public:
    explicit Sift(LineBatch batch);

    [[nodiscard]] bool done() const noexcept { return groups_.empty(); }
    /// What to send next, and how many lines it holds. Valid until the next call of another member.
    /// Precondition: not done.
    [[nodiscard]] std::string_view body();
    [[nodiscard]] std::size_t lines() const noexcept { return groups_.front().size(); }

    /// Bytes of a line of body(). Precondition: i < lines().
    [[nodiscard]] std::size_t size(std::size_t i) const {
        return batch_.lines[groups_.front()[i]].size;
    }
    /// A line of body(). Precondition: i < lines().
    [[nodiscard]] std::string_view text(std::size_t i) const {
        return batch_.text(groups_.front()[i]);
    }
    /// The record of a line of body(). Precondition: i < lines().
    [[nodiscard]] Lsn lsn(std::size_t i) const { return batch_.lines[groups_.front()[i]].lsn; }
    /// The first and last record in it. Precondition: not done.
    [[nodiscard]] std::pair<Lsn, Lsn> range() const {
        const Group& group = groups_.front();
        return {batch_.lines[group.front()].lsn, batch_.lines[group.back()].lsn};
    }
    /// What became of the write of body().
    void confirmed();
    /// Of the write of body() only these lines, in order, have to be sent again: the far side said
    /// of each other one that it took it or never will.
    void keep_only(const std::vector<std::size_t>& lines);
    /// Returns the lines that are refused by it.
    [[nodiscard]] std::vector<RefusedRecord> complained(const WriteAnswer& answer);

    [[nodiscard]] Lsn last() const noexcept { return batch_.last; }

private:
    using Group = std::vector<std::uint32_t>;

    [[nodiscard]] std::vector<RefusedRecord> refuse(const std::string& reason);
    void split(Group suspects);

    LineBatch batch_;
    std::deque<Group> groups_;  // the first is under way
    std::string part_;
};

}  // namespace penstock::sinks
