#pragma once

#include <cstdint>

namespace penstock::journal {

/// What happens to records that a holder is behind on when their time has come.
enum class WhenBehind : std::uint8_t {
    hold,  // they stay
    shed,  // they go, and are counted as expired
};

}  // namespace penstock::journal
