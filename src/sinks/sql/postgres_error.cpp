#include "sinks/sql/postgres_error.h"

#include <algorithm>
#include <initializer_list>

namespace penstock::sinks {
namespace {

bool begins_with_any(std::string_view text, std::initializer_list<std::string_view> beginnings) {
    return std::any_of(beginnings.begin(), beginnings.end(), [text](std::string_view one) {
        return text.starts_with(one);
    });
}

bool is_state(std::string_view text) {
    return text.size() == 5 && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
           });
}

FailureClass class_of(std::string_view state) {
    if (begins_with_any(state, {"28", "42501"})) return FailureClass::credentials;
    if (state.starts_with("53")) return FailureClass::throttled;
    const bool passes =
        state.empty() || begins_with_any(state, {"08", "25", "40", "55", "57", "58", "XX"});
    return passes ? FailureClass::transient : FailureClass::configuration;
}

}  // namespace

bool blames_record(const PostgresError& error) {
    // 22P04: the frame of a COPY, which is ours.
    return error.state != "22P04" &&
           begins_with_any(error.state, {"22", "23", "44", "P0001", "54000"});
}

SinkFailure postgres_failure(const PostgresError& error) {
    SinkFailure failure;
    failure.kind = class_of(error.state);
    failure.message = error.message;
    if (!error.state.empty()) failure.message += " (SQLSTATE " + error.state + ')';
    return failure;
}

PostgresError connection_error(std::string_view text) {
    PostgresError error;
    constexpr std::string_view kMark = ":  ";
    for (std::size_t at = text.find(kMark); at != std::string_view::npos;
         at = text.find(kMark, at + 1)) {
        const std::string_view rest = text.substr(at + kMark.size());
        if (!is_state(rest.substr(0, 5)) || !rest.substr(5).starts_with(": ")) continue;
        error.state = rest.substr(0, 5);
        error.message = rest.substr(7, rest.find('\n') - 7);
        return error;
    }
    error.message = text.substr(0, text.find('\n'));
    return error;
}

}  // namespace penstock::sinks
