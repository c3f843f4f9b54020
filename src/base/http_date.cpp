#include "base/http_date.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace penstock {
namespace {

void append_two(std::string& out, std::int64_t value) {
    out += static_cast<char>('0' + value / 10 % 10);
    out += static_cast<char>('0' + value % 10);
}

}  // namespace

void append_http_date(Nanoseconds wall, std::string& out) {
    using std::chrono::days;
    using std::chrono::sys_days;
    constexpr std::array<std::string_view, 7> kDays{
        "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"
    };
    constexpr std::array<std::string_view, 12> kMonths{
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
    };
    const auto now = std::chrono::floor<std::chrono::seconds>(
        std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::nanoseconds(wall))
    );
    const sys_days day = std::chrono::floor<days>(now);
    const std::chrono::year_month_day date{day};
    const auto second = (now - day).count();
    const int year = static_cast<int>(date.year());
    out += kDays[std::chrono::weekday{day}.c_encoding()];
    out += ", ";
    append_two(out, static_cast<unsigned>(date.day()));
    out += ' ';
    out += kMonths[static_cast<unsigned>(date.month()) - 1];
    out += ' ';
    append_two(out, year / 100);
    append_two(out, year);
    out += ' ';
    append_two(out, second / 3600);
    out += ':';
    append_two(out, second / 60 % 60);
    out += ':';
    append_two(out, second % 60);
    out += " GMT";
}

}  // namespace penstock
