// Load as devices make it, over MQTT 3.1.1 or HTTP, plain or TLS (options.h has the options). Uses
// nothing of Penstock: it loads Mosquitto and others alike.
#include "load.h"

#include <sys/resource.h>

int main(int argc, char** argv) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    load::Load(load::parse(argc, argv)).run();
    return 0;
}
