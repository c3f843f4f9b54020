#include "app/reference.h"

#include "app/settings.h"
#include "config/reference.h"

namespace penstock::app {

namespace {

constexpr const char* kIntroduction = R"(# Settings

Printed by `penstock --reference`; do not edit. Penstock reads one YAML file: `penstock run --config FILE`,
checked without running by `penstock check --config FILE`. config/penstock.yaml lists every key with its default.

All that is wrong is reported at once, each as `file:line:column: what`. Unknown and duplicate keys are errors.

- **Sizes** have a unit: `64MiB`, `512KiB`, `1.5GiB`, `100B` (`kB`, `MB`, `GB`, `TB` are powers of 1000).
- **Durations** have a unit: `2ms`, `30s`, `1h30m`, `1d`.
- **Numbers** are decimal, without quotes, leading zeros and `_`. **Truth** is `true` or `false`.
- **Secrets** are references: `file:/path`, `env:NAME`, `credential:NAME` (systemd `LoadCredential=`), or `text:`
  and the secret itself. They are never printed.
- `${NAME}` and `${NAME:-default}` in a value become what the environment says; `$${` stands for `${`. They are
  replaced after the file has been parsed, so a variable cannot bring in keys.
- `<name>` in a path is a name of your choice, `[]` an entry of a list. A key with nothing behind it means: no entries.

)";

constexpr const char* kFileHead =
    R"(# Penstock: every setting with its default. Delete what you do not change.
# Meaning, types and bounds: docs/CONFIG.md. Check a file: penstock check --config FILE

)";

}  // namespace

std::string settings_reference() {
    return kIntroduction + config::reference_markdown(config::table_of<Settings>());
}

std::string settings_file() {
    return kFileHead + config::reference_yaml(config::table_of<Settings>());
}

}  // namespace penstock::app
