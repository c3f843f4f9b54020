#include "base/iso_time.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace penstock {
namespace {

using Days = std::chrono::sys_days;

/// The text of a time, in one buffer.
class Writer {
public:
    /// So many decimal digits, with zeros in front, and what stands behind them.
    template <unsigned width>
    void digits(std::uint32_t value, char behind) noexcept {
        for (unsigned i = width; i-- > 0; value /= 10)
            text_[size_ + i] = static_cast<char>('0' + value % 10);
        size_ += width;
        text_[size_++] = behind;
    }
    void fraction(std::uint32_t nanos) noexcept {
        if (nanos % 1'000'000 == 0) return digits<3>(nanos / 1'000'000, 'Z');
        if (nanos % 1'000 == 0) return digits<6>(nanos / 1'000, 'Z');
        digits<9>(nanos, 'Z');
    }
    void append_to(std::string& out) const { out.append(text_.data(), size_); }

private:
    std::array<char, 40> text_;
    std::size_t size_ = 0;
};

/// Reads a text from left to right; turns sour at the first thing that does not fit.
class Scan {
public:
    explicit Scan(std::string_view text) noexcept : text_(text) {}

    int number(std::size_t width, int low, int high) noexcept {
        int value = 0;
        for (std::size_t i = 0; i < width; ++i) {
            const char c = peek();
            if (c < '0' || c > '9') return fail();
            value = value * 10 + (c - '0');
            ++at_;
        }
        return value < low || value > high ? fail() : value;
    }
    bool take(std::string_view any_of) noexcept {
        if (at_end() || any_of.find(peek()) == std::string_view::npos) return false;
        ++at_;
        return true;
    }
    void expect(std::string_view any_of) noexcept {
        if (!take(any_of)) fail();
    }
    std::int64_t fraction() noexcept {
        std::int64_t nanos = 0;
        std::int64_t unit = 100'000'000;
        if (peek() < '0' || peek() > '9') fail();
        for (; peek() >= '0' && peek() <= '9'; ++at_, unit /= 10)
            nanos += (peek() - '0') * unit;
        return nanos;
    }
    [[nodiscard]] char peek() const noexcept { return at_end() ? '\0' : text_[at_]; }
    [[nodiscard]] bool at_end() const noexcept { return at_ == text_.size(); }
    [[nodiscard]] bool complete() const noexcept { return !failed_ && at_end(); }

private:
    int fail() noexcept {
        failed_ = true;
        return 0;
    }
    std::string_view text_;
    std::size_t at_ = 0;
    bool failed_ = false;
};

/// Seconds that the offset at the end of a time stands for.
std::int64_t offset_of(Scan& scan) noexcept {
    if (scan.at_end() || scan.take("Zz")) return 0;
    const bool west = scan.peek() == '-';
    scan.expect("+-");
    const std::int64_t hours = scan.number(2, 0, 23);
    scan.take(":");
    const std::int64_t span = hours * 3600 + scan.number(2, 0, 59) * 60;
    return west ? -span : span;
}

}  // namespace

void append_iso_time(Nanoseconds wall, std::string& out) {
    constexpr std::int64_t kDay = 86'400 * kSecond;
    const std::int64_t day = wall / kDay - (wall % kDay < 0 ? 1 : 0);
    const auto in_day = static_cast<std::uint64_t>(wall % kDay + (wall % kDay < 0 ? kDay : 0));
    const std::chrono::year_month_day date{Days{std::chrono::days{day}}};
    const auto seconds = static_cast<std::uint32_t>(in_day / kSecond);
    const auto nanos = static_cast<std::uint32_t>(in_day % kSecond);
    Writer text;
    text.digits<4>(static_cast<std::uint32_t>(static_cast<int>(date.year())), '-');
    text.digits<2>(static_cast<unsigned>(date.month()), '-');
    text.digits<2>(static_cast<unsigned>(date.day()), 'T');
    text.digits<2>(seconds / 3600, ':');
    text.digits<2>(seconds / 60 % 60, ':');
    text.digits<2>(seconds % 60, '.');
    text.fraction(nanos);
    text.append_to(out);
}

std::optional<Nanoseconds> parse_iso_time(std::string_view text) noexcept {
    Scan scan(text);
    const int year = scan.number(4, 1677, 2262);
    scan.expect("-");
    const int month = scan.number(2, 1, 12);
    scan.expect("-");
    const int day = scan.number(2, 1, 31);
    std::int64_t seconds = 0;
    std::int64_t nanos = 0;
    if (!scan.at_end()) {
        scan.expect("Tt ");
        seconds = scan.number(2, 0, 23) * 3600;
        scan.expect(":");
        seconds += scan.number(2, 0, 59) * 60;
        if (scan.take(":")) {
            seconds += scan.number(2, 0, 60);
            if (scan.take(".,")) nanos = scan.fraction();
        }
        seconds -= offset_of(scan);
    }
    const std::chrono::year_month_day date{
        std::chrono::year{year},
        std::chrono::month{static_cast<unsigned>(month)},
        std::chrono::day{static_cast<unsigned>(day)}
    };
    if (!scan.complete() || !date.ok()) return std::nullopt;
    seconds += std::chrono::seconds(Days{date}.time_since_epoch()).count();
    Nanoseconds wall = 0;
    if (__builtin_mul_overflow(seconds, kSecond, &wall)) return std::nullopt;
    if (__builtin_add_overflow(wall, nanos, &wall)) return std::nullopt;
    return wall;
}

}  // namespace penstock
