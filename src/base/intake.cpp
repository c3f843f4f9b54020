#include "penstock/intake.h"

namespace penstock {

std::string_view name(Refusal refusal) noexcept {
    switch (refusal) {
        case Refusal::none:
            return "none";
        case Refusal::invalid_json:
            return "invalid_json";
        case Refusal::invalid_field:
            return "invalid_field";
        case Refusal::invalid_device:
            return "invalid_device";
        case Refusal::unrouted:
            return "unrouted";
        case Refusal::too_large:
            return "too_large";
        case Refusal::too_deep:
            return "too_deep";
    }
    return "unknown";
}

}  // namespace penstock
