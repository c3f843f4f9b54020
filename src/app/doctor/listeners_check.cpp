#include "app/doctor/checks.h"
#include "ingest/listening_socket.h"

#include <fmt/format.h>

namespace penstock::app::doctor {
namespace {

void check_port(
    const Subject& subject, std::string_view name, const ingest::Endpoint& endpoint, Chart& chart
) {
    if (subject.running) {
        chart.good(fmt::format("{}: {}, held by the node that runs", name, endpoint.text()));
        return;
    }
    const auto bound = ingest::ListeningSockets::open(endpoint, 0);
    if (bound) {
        chart.good(fmt::format("{}: {} is free", name, endpoint.text()));
        return;
    }
    const bool denied = bound.error().code == Errc::denied;
    chart.bad(
        fmt::format("{}: {}", name, bound.error().message),
        denied
            ? "Take a port above 1023, or give the unit AmbientCapabilities=CAP_NET_BIND_SERVICE."
            : fmt::format(
                  "Stop who listens there (ss -ltnp 'sport = :{}' names him), or change "
                  "listeners.{}.listen.",
                  endpoint.port,
                  name
              )
    );
}

/// What a network between devices and this machine is likely to do with it.
template <class Listener>
void check_reach(std::string_view name, const Listener& listener, Chart& chart) {
    const auto& endpoint = listener.listen;
    if (endpoint.loopback()) {
        chart.good(fmt::format("{}: devices on this machine alone reach it", name));
    } else if (!listener.tls) {
        chart.warn(
            fmt::format(
                "{}: {} is not encrypted, and firewalls between networks often close such ports",
                name,
                endpoint.text()
            ),
            fmt::format(
                "Offer {}s with TLS, on port 8883, 8443 or 443, to devices elsewhere.", name
            )
        );
    } else {
        chart.good(fmt::format(
            "{}: open TCP port {} in the firewall of this machine and of its network",
            name,
            endpoint.port
        ));
    }
}

}  // namespace

void check_listeners(const Subject& subject, Chart& chart) {
    const auto look = [&](std::string_view name, const auto& listener) {
        if (!listener) return;
        check_port(subject, name, listener->listen, chart);
        check_reach(name, *listener, chart);
    };
    const auto& listeners = subject.settings.listeners;
    look("mqtt", listeners.mqtt);
    look("mqtts", listeners.mqtts);
    look("http", listeners.http);
    look("https", listeners.https);
    const auto& admin = listeners.admin.listen;
    check_port(subject, "admin", {admin.host, admin.port}, chart);
    if (admin.loopback()) return;
    chart.warn(
        "admin: " + admin.text() + " can be reached from other machines",
        "Bind it to 127.0.0.1 and reach it by ssh, or let a firewall pass Prometheus alone."
    );
}

}  // namespace penstock::app::doctor
