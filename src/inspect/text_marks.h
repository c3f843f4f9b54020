#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock::inspect {

/// What a JSON text shows when it is looked at 64 bytes at a time, before its grammar is known: the
/// places where a value can end. For a well-formed text the marks are right; for any other they are
/// only a guess, which their user proves.
/// Threads: owning shard.
class TextMarks {
public:
    static constexpr std::size_t kMaxSize = 16'384;  // bytes of text
    static constexpr std::size_t kMaxEnds = 1'024;

    /// False: the text is longer, or has more ends, than the bounds say; or there is a control
    /// character in one of its strings, or a string is not closed. 64 readable bytes must follow
    /// the text.
    [[nodiscard]] bool find(std::string_view text);
    /// The same with what every processor of the architecture has.
    [[nodiscard]] bool find_plain(std::string_view text);

    /// Offsets of each `,`, `}` and `]` outside of strings, rising.
    [[nodiscard]] const std::uint16_t* ends() const noexcept { return ends_.data(); }
    [[nodiscard]] std::size_t end_count() const noexcept { return count_; }
    /// Quotes that no backslash escapes.
    [[nodiscard]] std::size_t quotes() const noexcept { return quotes_; }
    [[nodiscard]] bool ascii() const noexcept { return ascii_; }
    [[nodiscard]] bool escapes() const noexcept { return escapes_; }

private:
    struct Block;
    struct State;
    static Block block_of(const char* p) noexcept;
    static Block block_of_avx2(const char* p) noexcept;
    void clear() noexcept;
    bool find_avx2(std::string_view text);
    void note(const Block& block, std::uint16_t base, State& state) noexcept;
    bool finish(const State& state) noexcept;

    std::size_t count_ = 0;
    std::size_t quotes_ = 0;
    bool ascii_ = true;
    bool escapes_ = false;
    // Eight are written at a time, whether there are as many or not.
    std::array<std::uint16_t, kMaxEnds + 64 + 8> ends_;
};

}  // namespace penstock::inspect
