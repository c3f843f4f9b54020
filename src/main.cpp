#include "app/cli.h"

/// What jemalloc is told (jemalloc(3), "TUNING"; $MALLOC_CONF goes before it): pages that were
/// freed go back to the system after a second, not after ten, so that the memory of the process
/// follows what its bounds allow.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): as jemalloc wants it.
extern "C" const char* malloc_conf;
const char* malloc_conf = "dirty_decay_ms:1000,muzzy_decay_ms:0";

int main(int argc, char** argv) {
    return penstock::app::run_command_line(argc, argv);
}
