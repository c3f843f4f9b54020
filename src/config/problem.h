#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace penstock::config {

/// A place in a settings file. Lines and columns count from 1, columns in characters; line 0 is the
/// file as a whole. Threads: immutable.
struct Place {
    std::string file;
    std::uint32_t line = 0;
    std::uint32_t column = 0;

    /// `penstock.yaml:3:5`
    [[nodiscard]] std::string text() const;
};

enum class Severity : std::uint8_t { error, warning };

/// One thing that is wrong with the settings.
/// Threads: immutable.
struct Problem {
    Place place;
    Severity severity = Severity::error;
    std::string message;

    /// `penstock.yaml:3:5: unknown key 'journal.comit_window'; did you mean 'commit_window'?`
    /// A warning says so: `penstock.yaml:3:5: warning: ...`.
    [[nodiscard]] std::string text() const;
};

/// Everything that is wrong, collected over the whole file, then shown at once in the order of the
/// file. Bound: 200 problems are kept, more are counted. Threads: one.
class Problems {
public:
    void error(Place place, std::string message);
    void warn(Place place, std::string message);

    /// True while there is no error (warnings do not count).
    [[nodiscard]] bool ok() const noexcept { return errors_ == 0; }
    [[nodiscard]] std::size_t errors() const noexcept { return errors_; }

    /// In the order of file, line, column.
    [[nodiscard]] std::vector<Problem> sorted() const;
    /// One line each, each ended by a line feed.
    [[nodiscard]] std::string text() const;

private:
    void add(Severity severity, Place place, std::string message);

    std::vector<Problem> list_;
    std::size_t errors_ = 0;
    std::size_t unlisted_ = 0;
};

/// The name out of `known` that the writer of `word` may have meant, or "".
[[nodiscard]] std::string did_you_mean(
    const std::string& word, const std::vector<std::string>& known
);

/// `; did you mean 'x'?` or "", to end a message with.
[[nodiscard]] std::string suggestion(
    const std::string& word, const std::vector<std::string>& known
);

/// Text for a message: in single quotes, control characters escaped, cut after 80 bytes.
[[nodiscard]] std::string quoted(const std::string& raw);

}  // namespace penstock::config
