#pragma once

#include <filesystem>

#include "config/field.h"
#include "config/ordered_map.h"

namespace penstock::auth {

/// Who may connect. Without passwords, tokens and bearer secrets there is nothing to check a client against: then only
/// listeners bound to loopback take clients, unless `anonymous` says otherwise.
struct Config {
    std::filesystem::path passwords;          // empty: no user names and passwords
    std::filesystem::path tokens;             // empty: no token file
    config::OrderedMap<Secret> bearer;  // token name -> the token
    bool anonymous = false;
    config::Origin origin;

    /// Is there anything that a client could prove itself with, other than a certificate?
    [[nodiscard]] bool has_credentials() const noexcept {
        return !passwords.empty() || !tokens.empty() || !bearer.empty();
    }
};

}  // namespace penstock::auth
