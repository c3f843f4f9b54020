#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace penstock {

/// What went wrong, for the program. The sentence beside it is for the operator.
enum class Errc : std::uint8_t {
    invalid_argument,  // the caller's value breaks the contract of the call
    malformed,         // bytes that do not follow their format
    too_large,         // over a written bound
    not_found,         // the named thing does not exist
    conflict,          // exists already, or another owner holds it
    denied,            // credentials missing, wrong or not allowed
    unsupported,       // understood, but this build or format version does not offer it
    io,                // the operating system refused a read, write or sync; final for that file
    full,              // no space left on the device or over the quota
    corrupt,           // stored bytes fail their checksum or contradict each other
    unavailable,       // the far side cannot be reached; trying again may help
    timed_out,         // no answer within the bound
    cancelled,         // stopped on purpose
};

/// The lower-case name of a code, for logs and metric labels.
[[nodiscard]] std::string_view name(Errc code) noexcept;

/// An expected failure: a code for the program and a sentence for the operator.
/// Threads: immutable.
struct Error {
    Errc code;
    std::string message;

    Error(Errc c, std::string text) : code(c), message(std::move(text)) {}
};

/// A value or the reason why there is none. Dropping one unread does not compile cleanly.
/// Threads: as its value.
template <class T>
class [[nodiscard]] Result {
public:
    // NOLINTBEGIN(google-explicit-constructor): `return value;` and `return Error{...};` are the
    // point.
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
    // NOLINTEND(google-explicit-constructor)

    [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }

    /// Precondition of the value accessors: `ok()`.
    [[nodiscard]] T& value() & { return std::get<0>(state_); }
    [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
    [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }

    /// Precondition of the error accessors: not `ok()`.
    [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }
    [[nodiscard]] Error&& error() && { return std::get<1>(std::move(state_)); }

private:
    std::variant<T, Error> state_;
};

/// Success, or the reason why not.
/// Threads: immutable.
class [[nodiscard]] Status {
public:
    Status() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): `return Error{...};` is the point.
    Status(Error error) : error_(std::move(error)) {}

    [[nodiscard]] bool ok() const noexcept { return !error_.has_value(); }
    explicit operator bool() const noexcept { return ok(); }
    [[nodiscard]] const Error& error() const& { return *error_; }
    [[nodiscard]] Error&& error() && { return std::move(*error_); }

private:
    std::optional<Error> error_;
};

}  // namespace penstock

#define PS_CONCAT_INNER(a, b) a##b
#define PS_CONCAT(a, b) PS_CONCAT_INNER(a, b)

/// Returns the error of a Status or Result to the caller, or goes on.
#define PS_CHECK(expression)                                 \
    if (auto PS_CONCAT(ps_status_, __LINE__) = (expression); \
        !PS_CONCAT(ps_status_, __LINE__).ok())               \
    return std::move(PS_CONCAT(ps_status_, __LINE__)).error()

/// `PS_TRY(auto x, f());` binds the value of a Result or returns its error to the caller.
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration in parentheses is none.
#define PS_TRY(declaration, expression)                            \
    auto PS_CONCAT(ps_result_, __LINE__) = (expression);           \
    if (!PS_CONCAT(ps_result_, __LINE__).ok())                     \
        return std::move(PS_CONCAT(ps_result_, __LINE__)).error(); \
    declaration = std::move(PS_CONCAT(ps_result_, __LINE__)).value()
// NOLINTEND(bugprone-macro-parentheses)
