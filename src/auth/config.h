#pragma once

#include "config/field.h"
#include "config/ordered_map.h"

#include <filesystem>

namespace penstock::auth {

/// Who may connect. Without passwords and tokens there is nothing to check a client against: then
/// only listeners bound to loopback take clients without a certificate, unless `anonymous` says
/// otherwise.
struct Config {
    std::filesystem::path passwords;    // empty: no user names and passwords
    std::filesystem::path tokens;       // empty: no token file
    config::OrderedMap<Secret> bearer;  // name -> token
    bool anonymous = false;
    config::Origin origin;
};

}  // namespace penstock::auth

namespace penstock::config {

template <>
struct Fields<auth::Config> {
    static Table<auth::Config> table();
};

}  // namespace penstock::config
