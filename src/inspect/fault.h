#pragma once

#include "penstock/intake.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock::inspect {

/// Text of bounded size, made without memory. What does not fit is cut.
/// Threads: owning shard.
template <std::size_t kSize>
class ShortText {
public:
    void clear() noexcept { size_ = 0; }
    void append(std::string_view text) noexcept {
        for (const char c : text)
            append(c);
    }
    void append(char c) noexcept {
        if (size_ < kSize) text_[size_++] = c;
    }
    [[nodiscard]] std::size_t room() const noexcept { return kSize - size_; }
    void shrink(std::size_t size) noexcept { size_ = size; }
    [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

private:
    std::array<char, kSize> text_{};
    std::size_t size_ = 0;
};

/// Why a message is not accepted: a code, a sentence that begins with it (`invalid_field: heartRate
/// must be at most 250`) and the place as an RFC 6901 JSON pointer (`/heartRate`). Text of the
/// device appears in short, escaped excerpts only. A pointer that would grow too long names the
/// last enclosing value that still fits. Keys stand in it as they do in the payload, with their
/// JSON escapes; what is not printable ASCII is replaced by `?`.
/// Threads: owning shard. Views are valid until the next change.
class Fault {
public:
    void clear() noexcept;
    /// Begins the reason with the name of `refusal`, a colon and a blank.
    void begin(Refusal refusal) noexcept;
    void say(std::string_view ours) noexcept { reason_.append(ours); }
    void say_number(std::uint64_t number) noexcept;
    void say_number(double number) noexcept;
    /// At most 32 bytes of the device's text in single quotes; all but printable ASCII as \xNN.
    void quote(std::string_view theirs) noexcept;

    void point_to_member(std::string_view key) noexcept;
    void point_to_element(std::uint64_t index) noexcept;
    /// A dotted name of the configuration: `position.lat` is `/position/lat`.
    void point_to_field(std::string_view dotted) noexcept;

    [[nodiscard]] Refusal refusal() const noexcept { return refusal_; }
    [[nodiscard]] std::string_view reason() const noexcept { return reason_.view(); }
    [[nodiscard]] std::string_view pointer() const noexcept { return pointer_.view(); }

private:
    Refusal refusal_ = Refusal::none;
    ShortText<200> reason_;
    ShortText<128> pointer_;
    bool pointer_full_ = false;
};

}  // namespace penstock::inspect
