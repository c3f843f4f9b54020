// Load as devices make it, over MQTT 3.1.1 or HTTP, plain or TLS (options.h has the options). Uses
// nothing of Penstock: it loads Mosquitto and others alike.
#include "load.h"

int main(int argc, char** argv) {
    load::Load(load::parse(argc, argv)).run();
    return 0;
}
