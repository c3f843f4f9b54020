#include "app/doctor/checks.h"
#include "auth/authenticator.h"
#include "base/files.h"
#include "base/metrics.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

namespace penstock::app::doctor {
namespace {

void check_file(const std::filesystem::path& path, Chart& chart) {
    struct stat about{};
    if (path.empty()) return;
    if (::stat(path.c_str(), &about) != 0) {
        chart.bad(
            files::system_error("cannot look at", path, errno).message,
            "Make the file, or name the one that is there."
        );
        return;
    }
    const unsigned mode = about.st_mode & 0777U;
    if ((mode & 0006U) == 0) {
        chart.good(fmt::format("{}: mode {:04o}", path.string(), mode));
        return;
    }
    const char* const what = (mode & 0002U) != 0 ? "written" : "read";
    chart.bad(
        fmt::format("{} can be {} by everybody (mode {:04o})", path.string(), what, mode),
        fmt::format("chmod o= {}, and give new secrets to who had these.", path.string())
    );
}

template <class Listener>
void check_key(const std::optional<Listener>& listener, Chart& chart) {
    if (listener && listener->tls) check_file(listener->tls->key, chart);
}

}  // namespace

void check_secrets(const Subject& subject, Chart& chart) {
    const auto& auth = subject.settings.auth;
    check_file(auth.passwords, chart);
    check_file(auth.tokens, chart);
    const auto& listeners = subject.settings.listeners;
    check_key(listeners.mqtt, chart);
    check_key(listeners.mqtts, chart);
    check_key(listeners.http, chart);
    check_key(listeners.https, chart);
    metrics::Registry registry;
    const auto opened = auth::Authenticator::open(auth, subject.clock, registry);
    if (opened) {
        (*opened)->stop();
    } else {
        chart.bad(
            opened.error().message, "Mend the file; `penstock passwd FILE USER` writes passwords."
        );
    }
}

}  // namespace penstock::app::doctor
