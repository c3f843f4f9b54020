#include "app/doctor/checks.h"
#include "ingest/tls.h"

#include <fmt/format.h>

namespace penstock::app::doctor {
namespace {

constexpr double kDay = 86'400;
constexpr double kSoonDays = 21;

void check_certificate(
    std::string_view listener, const ingest::TlsConfig& tls, const Clock& clock, Chart& chart
) {
    const auto server = ingest::TlsServer::open(tls);
    if (!server) {
        chart.bad(
            fmt::format("{}: {}", listener, server.error().message),
            "Name a PEM file with the chain, leaf first, and the key that belongs to it."
        );
        return;
    }
    const double now = static_cast<double>(clock.wall()) / static_cast<double>(kSecond);
    const double days = ((*server)->certificate_expiry() - now) / kDay;
    const std::string file = tls.certificate.string();
    const std::string remedy =
        "Put a new certificate and key in the place of the old ones and reload: systemctl reload "
        "penstock.";
    if (days < 0) {
        chart.bad(fmt::format("{}: {} has expired {:.0f} days ago", listener, file, -days), remedy);
    } else if (days < kSoonDays) {
        chart.warn(fmt::format("{}: {} expires in {:.0f} days", listener, file, days), remedy);
    } else {
        chart.good(fmt::format("{}: {} is good for {:.0f} days", listener, file, days));
    }
}

}  // namespace

void check_certificates(const Subject& subject, Chart& chart) {
    const auto look = [&](std::string_view name, const auto& listener) {
        if (listener && listener->tls)
            check_certificate(name, *listener->tls, subject.clock, chart);
    };
    const auto& listeners = subject.settings.listeners;
    look("mqtt", listeners.mqtt);
    look("mqtts", listeners.mqtts);
    look("http", listeners.http);
    look("https", listeners.https);
}

}  // namespace penstock::app::doctor
