#include "app/sinks_table.h"

#include "app/cli.h"
#include "app/health.h"
#include "app/settings.h"
#include "base/files.h"
#include "config/secret.h"
#include "sinks/transport/http_client.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ostream>
#include <string>
#include <vector>

namespace penstock::app {
namespace {

constexpr std::size_t kTokenMax = 4096;
constexpr std::size_t kAnswerMax = std::size_t{1} << 20U;  // 64 sinks with their last errors
constexpr std::size_t kErrorMax = 200;

using Json = simdjson::dom::element;
using Row = std::array<std::string, 9>;

std::string text_of(const Json& sink, std::string_view key) {
    std::string_view text;
    if (sink[key].get_string().get(text) != simdjson::SUCCESS) return {};
    std::string shown(text.substr(0, kErrorMax));
    const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
    std::replace_if(shown.begin(), shown.end(), control, ' ');
    return shown;
}

std::optional<double> number_of(const Json& sink, std::string_view key) {
    double value = 0;
    if (sink[key].get_double().get(value) != simdjson::SUCCESS) return std::nullopt;
    return value;
}

std::string count(std::optional<double> value) {
    return value ? fmt::format("{:.0f}", *value) : "-";
}

std::string bytes(std::optional<double> value) {
    if (!value) return "-";
    constexpr std::array<std::string_view, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    while (*value >= 1024 && unit + 1 < kUnits.size()) {
        *value /= 1024;
        ++unit;
    }
    return fmt::format("{:.{}f} {}", *value, unit == 0 ? 0 : 1, kUnits[unit]);
}

/// With the two units that matter: `6h 40m`.
std::string span(std::optional<double> seconds) {
    if (!seconds) return "-";
    if (*seconds < 60) return fmt::format("{:.1f}s", *seconds);
    if (*seconds > 100.0 * 365 * 86400) return "-";
    const auto whole = static_cast<std::uint64_t>(*seconds);
    if (whole < 3600) return fmt::format("{}m {}s", whole / 60, whole % 60);
    if (whole < 86400) return fmt::format("{}h {}m", whole / 3600, whole % 3600 / 60);
    return fmt::format("{}d {}h", whole / 86400, whole % 86400 / 3600);
}

Row row_of(const Json& sink) {
    const auto rate = number_of(sink, "recordsPerSecond");
    return {
        text_of(sink, "id"),
        text_of(sink, "type"),
        text_of(sink, "state"),
        count(number_of(sink, "lagRecords")),
        bytes(number_of(sink, "lagBytes")),
        span(number_of(sink, "lagSeconds")),
        rate ? fmt::format("{:.1f}/s", *rate) : "-",
        span(number_of(sink, "runwaySeconds")),
        text_of(sink, "lastError")
    };
}

Result<std::string> token_in(const std::filesystem::path& file) {
    PS_TRY(auto token, files::read(file, kTokenMax));
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r'))
        token.pop_back();
    return token;
}

struct Asked {
    api::Address admin;
    Secret token;
};

/// Whom to ask. Otherwise an exit code.
int find_admin(const SinksOptions& options, Asked& asked, std::ostream& say) {
    if (!options.config.empty()) {
        config::Problems problems;
        const auto settings = load_settings(options.config, problems);
        say << problems.text();
        if (!settings) return kExitConfig;
        asked = {settings->listeners.admin.listen, settings->listeners.admin.token};
        return kExitOk;
    }
    const auto admin = api::Address::parse(options.admin);
    if (!admin) {
        say << "penstock: --admin " << admin.error().message << '\n';
        return kExitUsage;
    }
    asked.admin = *admin;
    if (options.token_file.empty()) return kExitOk;
    auto token = token_in(options.token_file);
    if (!token) {
        say << "penstock: " << token.error().message << '\n';
        return kExitFailed;
    }
    asked.token = Secret(std::move(*token));
    return kExitOk;
}

}  // namespace

Result<std::string> sinks_table(std::string_view json) {
    simdjson::dom::parser parser;
    simdjson::dom::array sinks;
    if (parser.parse(json.data(), json.size()).get_array().get(sinks) != simdjson::SUCCESS)
        return Error{Errc::malformed, "the answer is no list of sinks"};
    std::vector<Row> rows{
        {"SINK", "TYPE", "STATE", "LAG", "BYTES", "OLDEST", "RATE", "RUNWAY", "LAST ERROR"}
    };
    for (const Json sink : sinks)
        rows.push_back(row_of(sink));
    Row::size_type last = std::tuple_size_v<Row> - 1;
    std::array<std::size_t, std::tuple_size_v<Row>> widths{};
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < last; ++i)
            widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < last; ++i) {
            const bool number = i >= 3;
            out += number ? fmt::format("{:>{}}  ", row[i], widths[i])
                          : fmt::format("{:<{}}  ", row[i], widths[i]);
        }
        out += row[last];
        while (out.ends_with(' '))
            out.pop_back();
        out += '\n';
    }
    return out;
}

int show_sinks(const SinksOptions& options, std::ostream& out, std::ostream& say) {
    Asked asked;
    if (const int code = find_admin(options, asked, say); code != kExitOk) return code;
    const Duration bound = std::chrono::seconds(options.timeout_seconds);
    sinks::HttpConfig config;
    config.connect_timeout = bound;
    config.timeout = bound;
    sinks::HttpRequest request{
        .method = "GET",
        .url = admin_url(asked.admin, "/v1/sinks"),
        .headers = {},
        .body = {},
        .answer_max = kAnswerMax
    };
    if (!asked.token.empty())
        request.headers.push_back("Authorization: Bearer " + std::string(asked.token.reveal()));
    const auto answer = sinks::HttpClient(config).call(std::move(request));
    if (!answer) {
        say << "penstock: no daemon answers at " << asked.admin.text() << ": "
            << answer.error().message << '\n';
        return kExitFailed;
    }
    if (!answer->success()) {
        say << fmt::format("penstock: {} {}\n", answer->status, sinks::excerpt(answer->body));
        return kExitFailed;
    }
    const auto table = sinks_table(answer->body);
    if (!table) {
        say << "penstock: " << table.error().message << '\n';
        return kExitFailed;
    }
    out << (options.json ? answer->body + '\n' : *table);
    return kExitOk;
}

}  // namespace penstock::app
