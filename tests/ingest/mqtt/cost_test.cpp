#include "ingest/mqtt/connection.h"
#include "node.h"
#include "scripted_device.h"
#include "support/temp_dir.h"

#include <malloc.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

// Figures, not claims: run by hand in a release build, `test_ingest "[cost]"`.

using namespace penstock;

namespace {

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::string burst(unsigned messages, bool v5) {
    const std::string payload(480, 'x');
    std::string all;
    for (unsigned id = 1; id <= messages; ++id) {
        const std::string topic = "iot/wearable/device-" + std::to_string(id) + "/data";
        all += v5 ? wire::publish_v5(topic, payload, 1, id) : wire::publish(topic, payload, 1, id);
    }
    return all;
}

}  // namespace

TEST_CASE("heap per idle connection", "[.][cost]") {
    const rlimit files{20'000, 20'000};
    (void)::setrlimit(RLIMIT_NOFILE, &files);
    Node node;
    constexpr std::size_t kConnections = 9'000;
    std::vector<Device> devices;
    devices.reserve(kConnections);
    {
        Device warm(node);
        warm.connects_as("warm");
    }
    node.settle(std::chrono::milliseconds(50));
    const std::size_t before = ::mallinfo2().uordblks;
    for (std::size_t i = 0; i < kConnections; ++i) {
        devices.emplace_back(node);
        devices.back().connects_as("wearable-device-" + std::to_string(i));
        devices.back().publishes("iot/wearable/data", "{\"v\":1}", 1, 1);
    }
    node.until([&] { return node.taken() == kConnections; });
    node.durable_all();
    for (Device& device : devices)
        device.hears(wire::puback(1)), device.heard().shrink_to_fit();
    node.intake().taken.clear();
    node.intake().taken.shrink_to_fit();
    node.authenticator.seen.clear();
    node.authenticator.seen.shrink_to_fit();
    ::malloc_trim(0);
    const std::size_t after = ::mallinfo2().uordblks;
    std::printf(
        "idle plain connections: %zu, heap %zu bytes each; sizeof(mqtt::Connection) %zu, of it "
        "session %zu\n",
        node.connections(),
        (after - before) / kConnections,
        sizeof(mqtt::Connection),
        sizeof(mqtt::Session)
    );
}

TEST_CASE("heap per idle TLS connection", "[.][cost]") {
    const penstock::test::TempDir folder;
    const std::string key = (folder / "k.pem").string();
    const std::string certificate = (folder / "c.pem").string();
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout "
        "'" +
        key + "' -out '" + certificate + "' 2>/dev/null";
    REQUIRE(std::system(command.c_str()) == 0);
    ingest::MqttListenerConfig settings;
    settings.tls.emplace();
    settings.tls->certificate = certificate;
    settings.tls->key = key;
    Node node(1, settings);
    constexpr std::size_t kConnections = 1'000;
    // The clients live in another process: their side of TLS would count here.
    const pid_t fleet = ::fork();
    if (fleet == 0) {
        SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
        for (std::size_t i = 0; i <= kConnections; ++i) {
            const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_port = htons(node.port());
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            SSL* const ssl = SSL_new(context);
            const std::string hello = wire::connect_as("wearable-device-" + std::to_string(i)) +
                                      wire::publish("t", "{}", 1, 1);
            const bool connected =
                ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
            if (!connected || SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1 ||
                SSL_write(ssl, hello.data(), static_cast<int>(hello.size())) < 1) {
                ::_exit(1);
            }
        }
        ::pause();
    }
    node.until([&] { return node.taken() >= 1; });
    node.durable_all();
    const std::size_t first = node.connections();
    const std::size_t before = ::mallinfo2().uordblks;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (node.taken() <= kConnections && std::chrono::steady_clock::now() < end)
        node.settle(std::chrono::milliseconds(50));
    node.durable_all();
    node.settle(std::chrono::milliseconds(100));
    node.intake().taken.clear();
    node.intake().taken.shrink_to_fit();
    node.authenticator.seen.clear();
    node.authenticator.seen.shrink_to_fit();
    const std::size_t added = node.connections() - first;
    std::printf(
        "idle TLS connections: %zu, heap %zu bytes each\n",
        added,
        (::mallinfo2().uordblks - before) / added
    );
    ::kill(fleet, SIGKILL);
    ::waitpid(fleet, nullptr, 0);
}

TEST_CASE("frame, decode, acknowledge without a socket", "[.][cost]") {
    for (const bool v5 : {false, true}) {
        ScriptedDevice device;
        v5 ? device.connects_v5() : device.connects();
        device.intake.keep = false;
        const std::string bytes = burst(16, v5) + std::string(kPayloadPadding, '\0');
        const auto view = std::as_bytes(std::span(bytes)).first(bytes.size() - kPayloadPadding);
        constexpr int kRounds = 200'000;
        auto desk = device.desk();
        const double began = cpu_seconds();
        for (int round = 0; round < kRounds; ++round) {
            std::size_t at = 0;
            mqtt::Frame frame;
            std::size_t need = 0;
            while (at < view.size()) {
                (void)mqtt::next_frame(view.subspan(at), 1 << 18, frame, need);
                (void)device.session.receive(frame, desk);
                at += frame.size;
            }
            for (const Ticket& ticket : device.intake.waiting)
                device.session.durable(ticket.sequence, desk);
            device.intake.waiting.clear();
            device.output.clear();
        }
        std::printf(
            "MQTT %s, K=16: %.1f ns a message\n",
            v5 ? "5" : "3.1.1",
            (cpu_seconds() - began) * 1e9 / (kRounds * 16.0)
        );
    }
}

TEST_CASE("a gateway over a socket: 16 messages a segment", "[.][cost]") {
    Node node;
    node.intake().keep = false;
    constexpr int kDevices = 64;
    constexpr int kRounds = 1'500;
    std::vector<Device> devices;
    for (int i = 0; i < kDevices; ++i) {
        devices.emplace_back(node);
        devices.back().connects_as("gateway-" + std::to_string(i));
    }
    const std::string bytes = burst(16, false);
    std::thread fleet([&] {
        std::string sink(65'536, '\0');
        for (int round = 0; round < kRounds; ++round) {
            for (Device& device : devices) {
                std::string_view left = bytes;
                while (!left.empty()) {
                    const ssize_t n = ::send(device.fd(), left.data(), left.size(), MSG_NOSIGNAL);
                    if (n > 0)
                        left.remove_prefix(static_cast<std::size_t>(n));
                    else
                        std::this_thread::yield();
                }
                while (::recv(device.fd(), sink.data(), sink.size(), 0) > 0) {
                }
            }
        }
    });
    const double began = cpu_seconds();
    constexpr std::size_t kAll = std::size_t{16} * kDevices * kRounds;
    while (node.intake().count < kAll) {
        for (int i = 0; i < 8 && node.loops[0]->poll_one() != 0; ++i) {
        }
        node.intake().durable_all();
    }
    const double spent = cpu_seconds() - began;
    fleet.join();
    const auto per_read = node.registry.distribution("penstock_packets_per_read");
    std::printf(
        "K=16 over sockets: %.0f ns of CPU a message (with recv and send), %.1f packets a read\n",
        spent * 1e9 / static_cast<double>(kAll),
        static_cast<double>(per_read.sum) / static_cast<double>(per_read.count)
    );
}
