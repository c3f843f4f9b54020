#include "penstock/result.h"

namespace penstock {

std::string_view name(Errc code) noexcept {
    switch (code) {
        case Errc::invalid_argument:
            return "invalid_argument";
        case Errc::malformed:
            return "malformed";
        case Errc::too_large:
            return "too_large";
        case Errc::not_found:
            return "not_found";
        case Errc::conflict:
            return "conflict";
        case Errc::denied:
            return "denied";
        case Errc::unsupported:
            return "unsupported";
        case Errc::io:
            return "io";
        case Errc::full:
            return "full";
        case Errc::corrupt:
            return "corrupt";
        case Errc::unavailable:
            return "unavailable";
        case Errc::timed_out:
            return "timed_out";
        case Errc::cancelled:
            return "cancelled";
    }
    return "unknown";
}

}  // namespace penstock
