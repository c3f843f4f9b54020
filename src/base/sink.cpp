#include "penstock/sink.h"

namespace penstock {

std::string_view name(FailureClass failure) noexcept {
    switch (failure) {
        case FailureClass::transient:
            return "transient";
        case FailureClass::throttled:
            return "throttled";
        case FailureClass::credentials:
            return "credentials";
        case FailureClass::configuration:
            return "configuration";
    }
    return "unknown";
}

}  // namespace penstock
