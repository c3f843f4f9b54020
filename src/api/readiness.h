#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace penstock::api {

/// Something that an operator should know about the node's state.
struct Reason {
    std::string_view code;  // a constant: recovering, draining, journal_full, journal_failed, sink
    std::string message;    // for people
    bool failing = true;    // false: listed, but the node takes records (a sink that is down)
};

/// Whether the node takes records, and what stands against it.
struct Readiness {
    std::vector<Reason> reasons;

    [[nodiscard]] bool ready() const noexcept {
        for (const Reason& reason : reasons) {
            if (reason.failing) return false;
        }
        return true;
    }
};

/// `{"ready":false,"reasons":[{"code":"recovering","message":"..","failing":true}]}`
[[nodiscard]] std::string to_json(const Readiness& readiness);

}  // namespace penstock::api
