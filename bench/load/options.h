#pragma once

#include <string>

namespace load {

/// What the command line says; every member is an option of the same name with `-` for `_`.
struct Options {
    std::string protocol = "mqtt";  // mqtt or http
    int port = 1883;
    int connections = 100;
    int k = 16;       // messages a write: PUBLISH packets, or HTTP requests
    int window = 64;  // of them unacknowledged a connection
    int qos = 1;      // MQTT
    int batch = 1;    // HTTP: events a request; more than one make an array
    int devices = 16'384;
    int payload = 500;          // bytes of an event, about
    long messages = 1'000'000;  // events in all
    double rate = 0;            // events a second in all, open loop; 0: closed loop
    double warmup = 0;          // seconds whose latencies are dropped
    double seconds = 0;         // open loop: so long, in place of `messages`
    double patience = 60;       // gives up when nothing was acknowledged for so many seconds
    double idle = 0;            // connects, then does nothing for so many seconds
    bool stamp =
        false;  // a number that counts and the time of sending in each event, else constants
    // Open loop: messages that wait at a connection; more are given up, as devices do.
    long waiting = 100'000;
    bool reconnect =
        false;  // comes back when the server ends a connection, and sends again what it owes
    double backoff = 0.2;  // seconds before it comes back
    int connecting = 256;  // connections on their way at a time
    std::string topic = "iot/wearable/data";
    std::string path = "/v1/ingest/wearables";
    bool tls = false;
    std::string certificate;  // PEM file of a client certificate, and of its key
    std::string key;
    std::string user;  // MQTT; `%` becomes the connection's number
    std::string password;
    std::string client = "load";  // client id, followed by process and connection
    std::string
        ledger;  // file that gets a byte an event, in the order of their numbers: 1 acknowledged
};

/// Ends the process with a message when an option is wrong.
Options parse(int argc, char** argv);

}  // namespace load
