#include "node.h"

#include <sys/wait.h>
#include <unistd.h>

using namespace penstock;

namespace {

/// Runs mosquitto_pub against the node; its exit status, 127 when it is not installed.
int mosquitto_pub(Node& node, std::vector<std::string> arguments) {
    arguments.insert(
        arguments.begin(), {"mosquitto_pub", "-h", "127.0.0.1", "-p", std::to_string(node.port())}
    );
    const pid_t child = ::fork();
    if (child == 0) {
        std::vector<char*> raw;
        for (std::string& argument : arguments)
            raw.push_back(argument.data());
        raw.push_back(nullptr);
        ::execvp(raw[0], raw.data());
        ::_exit(127);
    }
    int status = 0;
    node.until([&] {
        node.durable_all();
        return ::waitpid(child, &status, WNOHANG) == child;
    });
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace

TEST_CASE("mosquitto_pub publishes in every version and QoS that is offered", "[mqtt][client]") {
    Node node(2);
    std::size_t sent = 0;
    for (const char* version : {"mqttv31", "mqttv311", "mqttv5"}) {
        for (const char* qos : {"0", "1"}) {
            INFO(version << " QoS " << qos);
            const int status = mosquitto_pub(
                node,
                {"-V",
                 version,
                 "-q",
                 qos,
                 "-i",
                 "client",
                 "-t",
                 "iot/wearable/data",
                 "-m",
                 "{\"heartRate\":80}"}
            );
            REQUIRE(status == 0);
            node.until([&] { return node.taken() == sent + 1; });
            ++sent;
        }
    }
    const int status = mosquitto_pub(
        node,
        {"-V",
         "mqttv5",
         "-q",
         "1",
         "-t",
         "a/b",
         "-m",
         "x",
         "-r",
         "--repeat",
         "50",
         "--will-topic",
         "w",
         "--will-payload",
         "gone"}
    );
    CHECK(status == 0);
    CHECK(node.taken() == sent + 50);
}

TEST_CASE("a QoS 2 message of mosquitto_pub is refused, not taken", "[mqtt][client]") {
    Node node;
    (void)mosquitto_pub(node, {"-V", "mqttv5", "-q", "2", "-t", "a/b", "-m", "x", "--quiet"});
    CHECK(node.taken() == 0);
}
