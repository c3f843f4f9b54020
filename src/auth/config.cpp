#include "auth/config.h"

namespace penstock::config {

using auth::Config;

Table<Config> Fields<Config>::table() {
    return {
        field(
            "passwords",
            &Config::passwords,
            "File of user names and password hashes, written by `penstock passwd`."
        ),
        field(
            "tokens",
            &Config::tokens,
            "File of bearer tokens, a `name:sha256` a line, the digest in hexadecimal digits."
        ),
        field(
            "bearer",
            &Config::bearer,
            "Bearer tokens by name, as references: `file:/path`, `env:NAME`, `credential:NAME`.",
            max_items(1000)
        ),
        field(
            "anonymous",
            &Config::anonymous,
            "Take clients that bring no credentials, on every listener. Without it they are taken "
            "on loopback only, "
            "and only while no passwords and tokens are configured."
        ),
    };
}

}  // namespace penstock::config
