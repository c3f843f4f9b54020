#include "app/reference.h"

#include "app/settings.h"
#include "app/version.h"
#include "config/reference.h"

namespace penstock::app {

namespace {

constexpr const char* kIntroduction = R"(# Settings

Printed by `penstock --reference`; do not edit. Penstock reads YAML: `penstock run --config FILE`, checked without
running by `penstock check --config FILE`. config/penstock.yaml lists every key with its default. `penstock config
explain KEY` says what one means, and `penstock config schema` prints all of this as a JSON Schema for editors.

**Several files** are laid over each other: `--config base.yaml --config prod.yaml`. A later file wins key by key:
tables merge, single values and lists are replaced as a whole, and a key with nothing behind it takes a table of an
earlier file away. `${NAME}` and anchors belong to their file. config/examples/ has dev.yaml, staging.yaml and
prod.yaml to lay over config/penstock.yaml and wearables.yaml.

All that is wrong is reported at once, each as `file:line:column: what`. Unknown and duplicate keys are errors.

- **Sizes** have a unit: `64MiB`, `512KiB`, `1.5GiB`, `100B` (`kB`, `MB`, `GB`, `TB` are powers of 1000).
- **Durations** have a unit: `2ms`, `30s`, `1h30m`, `1d`.
- **Numbers** are decimal, without quotes, leading zeros and `_`. **Truth** is `true` or `false`.
- **Secrets** are references: `file:/path`, `env:NAME`, `credential:NAME` (systemd `LoadCredential=`), or `text:`
  and the secret itself. They are never printed.
- `${NAME}` and `${NAME:-default}` in a value become what the environment says; `$${` stands for `${`. They are
  replaced after the file has been parsed, so a variable cannot bring in keys.
- **A change** is taken by a reload (SIGHUP), unless the key or a table that it stands in says "Takes a restart".
- `<name>` in a path is a name of your choice, `[]` an entry of a list. A key with nothing behind it means: no entries.

)";

constexpr const char* kFileHead =
    R"(# Penstock: every setting with its default. Delete what you do not change.
# Meaning, types and bounds: docs/CONFIG.md. Check a file: penstock check --config FILE

)";

constexpr const char* kStart =
    R"(# Settings of Penstock, to begin with. What is not here has its default.
#   penstock config explain KEY      what a key means, its bounds, and whether a change takes a restart
#   penstock config init --all       every key
#   penstock check --config FILE     is it right?     penstock doctor --config FILE     is this machine?

# An older program refuses what was written for a newer one.
for_version: "{}"

# Journal, cursors, quarantine and learned scores: best on a disk of its own.
data_dir: /var/lib/penstock

# Where devices connect. Beyond 127.0.0.1 they have to say who they are: see auth.
listeners:
  mqtt: { listen: "127.0.0.1:1883" }
  http: { listen: "127.0.0.1:8080" }
  # mqtts:
  #   listen: "0.0.0.0:8883"
  #   tls: { certificate: /etc/penstock/tls/server.pem, key: /etc/penstock/tls/server.key }
  admin: { listen: "127.0.0.1:9850" }    # health, metrics, queries, status page

# Who may connect.
# auth:
#   passwords: /etc/penstock/passwords               # made by: penstock passwd /etc/penstock/passwords USER
#   bearer:
#     gateway: "credential:secret_gateway"           # the file /etc/penstock/credentials/gateway

# What comes in. A record that breaks these rules is kept in quarantine, with the reason.
streams:
  telemetry:                                         # and POST /v1/ingest/telemetry
    topics: ["telemetry/+"]
    device: { topic_level: 2 }                       # telemetry/<device>; or { field: deviceId }
    # time: { field: timestamp }                     # else: when it came
    # fields:
    #   temperature: { type: number, min: -40, max: 125, required: true }
    # status:
    #   - { when: "temperature > 80", is: HOT }
    # score: [temperature]                           # learn what is usual for each device

# What is delivered stays as history, for queries and replays, up to these bounds. What is not delivered stays.
journal:
  retain_size: 10GiB
  retain_time: 1d

# Where it goes. Each sink goes on by itself; the id names its place in the journal.
sinks:
  lake:
    type: archive
    local: { directory: /var/lib/penstock/archive }
  # events:
  #   type: kafka
  #   brokers: ["127.0.0.1:9092"]
  #   topic: telemetry
  # metrics:
  #   type: line_protocol
  #   endpoint: "http://127.0.0.1:8428/write"
)";

}  // namespace

std::string settings_reference() {
    return kIntroduction + config::reference_markdown(config::table_of<Settings>());
}

std::string starting_file() {
    std::string text = kStart;
    text.replace(text.find("{}"), 2, kVersion);
    return text;
}

std::string settings_file() {
    return kFileHead + config::reference_yaml(config::table_of<Settings>());
}

}  // namespace penstock::app
