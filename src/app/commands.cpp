#include "app/commands.h"

#include "app/cli.h"
#include "app/daemon.h"
#include "app/demo.h"
#include "app/order_command.h"
#include "app/reference.h"
#include "app/settings.h"
#include "app/version.h"
#include "auth/authenticator.h"
#include "auth/password.h"
#include "base/files.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/posix_disk.h"
#include "ingest/tls.h"
#include "journal/tool.h"
#include "sinks/audit.h"
#include "sinks/cursor_list.h"
#include "sinks/cursor_tool.h"
#include "sinks/order.h"
#include "sinks/registry.h"
#include "sinks/where.h"

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace penstock::app {
namespace {

constexpr std::size_t kPasswordFileMax = 4096;

/// The settings that `run` was asked for, or nothing after the problems were printed.
std::optional<Settings> settings_of(const RunOptions& options) {
    config::Problems problems;
    std::optional<Settings> settings;
    if (options.config.empty()) {
        const auto data_dir = options.data_dir.empty()
                                  ? std::filesystem::current_path() / "penstock-data"
                                  : std::filesystem::absolute(options.data_dir);
        settings = config::read<Settings>(demo_yaml(data_dir), "demo.yaml", problems);
    } else {
        settings = load_settings(options.config, problems);
    }
    std::cerr << problems.text();
    if (settings && !options.data_dir.empty())
        settings->data_dir = std::filesystem::absolute(options.data_dir);
    return settings;
}

/// One line from the terminal without echo, or from a pipe.
std::optional<std::string> ask_password(const char* prompt) {
    const bool terminal = ::isatty(STDIN_FILENO) == 1;
    termios before{};
    if (terminal) {
        std::cerr << prompt << std::flush;
        ::tcgetattr(STDIN_FILENO, &before);
        termios silent = before;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    std::string line;
    const bool got = static_cast<bool>(std::getline(std::cin, line));
    if (terminal) {
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        std::cerr << '\n';
    }
    return got ? std::optional(std::move(line)) : std::nullopt;
}

int fail(const Error& error) {
    std::cerr << "penstock: " << error.message << '\n';
    return kExitFailed;
}

/// The data directory as it was named, or as the settings say. Otherwise an exit code.
int find_data(
    const std::filesystem::path& named, const ConfigFiles& config, std::filesystem::path& data_dir
) {
    data_dir = named;
    if (data_dir.empty() && !config.empty()) {
        config::Problems problems;
        const auto settings = load_settings(config, problems);
        std::cerr << problems.text();
        if (!settings) return kExitConfig;
        data_dir = settings->data_dir;
    }
    if (!data_dir.empty()) return kExitOk;
    std::cerr << "penstock: name the data directory (--data-dir DIR) or the settings (--config "
                 "FILE)\n";
    return kExitUsage;
}

/// Reads the files that a start would read: passwords, tokens, certificates. The error names the
/// file.
Status read_credentials(const Settings& settings) {
    metrics::Registry registry;
    PS_TRY(
        const auto authenticator, auth::Authenticator::open(settings.auth, system_clock(), registry)
    );
    const auto read = [](const auto& listener) -> Status {
        if (!listener || !listener->tls) return {};
        PS_TRY(const auto tls, ingest::TlsServer::open(*listener->tls));
        return {};
    };
    const auto& listeners = settings.listeners;
    for (const auto* const mqtt : {&listeners.mqtt, &listeners.mqtts})
        PS_CHECK(read(*mqtt));
    for (const auto* const http : {&listeners.http, &listeners.https})
        PS_CHECK(read(*http));
    return {};
}

}  // namespace

int run_daemon(const RunOptions& options) {
    if (options.config.empty() && !options.demo) {
        std::cerr << "penstock: name a settings file (--config FILE), or use the embedded settings "
                     "(--demo)\n";
        return kExitUsage;
    }
    if (!options.config.empty() && options.demo) {
        std::cerr << "penstock: --config and --demo exclude each other\n";
        return kExitUsage;
    }
    auto settings = settings_of(options);
    if (!settings) return kExitConfig;
    Daemon::Options parts;
    parts.settings = std::move(*settings);
    if (!options.config.empty()) parts.reload = [&options] { return settings_of(options); };
    parts.ready = [&options](const Settings& effective) {
        if (options.demo) std::cout << hints(effective) << std::flush;
    };
    return Daemon(std::move(parts)).run();
}

int check_settings(const CheckOptions& options) {
    config::Problems problems;
    const auto settings = load_settings(options.config, problems);
    std::cerr << problems.text();
    if (!settings) return kExitConfig;
    if (const auto read = read_credentials(*settings); !read.ok()) {
        std::cerr << names_of(options.config) << ": " << read.error().message << '\n';
        return kExitConfig;
    }
    std::cout << names_of(options.config) << ": good\n\nmemory (of memory_limit "
              << config::print(settings->memory_limit) << "):\n";
    for (const auto& share : memory_shares(*settings)) {
        std::cout << fmt::format("  {:>8}  {}\n", config::print(share.bytes), share.what);
    }
    if (!options.connect) return kExitOk;

    int code = kExitOk;
    std::cout << "\nsinks:\n";
    for (const auto& [id, sink] : settings->sinks) {
        const sinks::SinkContext context{
            .id = id,
            .journal = {},
            .state_dir = settings->data_dir / "sinks" / id,
            .clock = &system_clock(),
            .seed = 0,
            .metrics = nullptr,
            .declared_fields = {}
        };
        const auto made = sinks::make_sink(sink, context);
        const auto reached = made ? (*made)->probe(10 * kSecond) : Status(made.error());
        std::cout << fmt::format(
            "  {} ({}): {}\n", id, sink.type(), reached.ok() ? "reached" : reached.error().message
        );
        if (!reached.ok()) code = kExitFailed;
    }
    return code;
}

int play_fleet(sim::Options options) {
    if (!options.password.empty()) {
        auto text = files::read(options.password, kPasswordFileMax);
        if (!text) return fail(text.error());
        while (!text->empty() && (text->back() == '\n' || text->back() == '\r'))
            text->pop_back();
        options.password = std::move(*text);
    }
    const auto played = sim::play(options, [](const sim::Totals& totals) {
        std::cout << fmt::format(
                         "published {} acknowledged {} refused {} reconnects {} ack p50 {:.1f} ms "
                         "p99 {:.1f} ms",
                         totals.published,
                         totals.acknowledged,
                         totals.refused,
                         totals.reconnects,
                         totals.latency_p50_ms,
                         totals.latency_p99_ms
                     )
                  << std::endl;
    });
    return played.ok() ? kExitOk : fail(played.error());
}

int use_journal(const JournalOptions& options) {
    std::filesystem::path data_dir;
    if (const int code = find_data(options.data_dir, options.config, data_dir); code != kExitOk)
        return code;
    journal::ToolOptions tool;
    tool.directory = data_dir / "journal";
    if (options.from) tool.from = {*options.from};
    if (options.to) tool.to = {*options.to};
    tool.device = options.device;
    tool.accept_loss = options.accept_loss;
    if (options.command == "ls")
        return journal::list_journal(tool, posix_disk(), std::cout, std::cerr);
    if (options.command == "check")
        return journal::check_journal(tool, posix_disk(), std::cout, std::cerr);
    if (options.command == "dump")
        return journal::dump_journal(tool, posix_disk(), std::cout, std::cerr);
    return journal::repair_journal(tool, posix_disk(), std::cout, std::cerr);
}

int audit_sinks(const AuditOptions& options) {
    std::filesystem::path data_dir;
    if (const int code = find_data(options.data_dir, options.config, data_dir); code != kExitOk)
        return code;
    const auto books = sinks::audit(posix_disk(), data_dir / "journal", data_dir / "quarantine");
    if (!books) return fail(books.error());
    sinks::print(*books, options.json, std::cout);
    return books->sound() ? kExitOk : kExitFailed;
}

int set_cursor(const CursorOptions& options) {
    std::filesystem::path data_dir;
    if (const int code = find_data(options.data_dir, options.config, data_dir); code != kExitOk)
        return code;
    log::set_level(log::Level::warn);  // what a start of the journal says is not the answer
    const auto moved = sinks::move_cursor(
        {data_dir / "journal", options.sink, options.to, options.skip},
        posix_disk(),
        system_clock(),
        std::cout
    );
    return moved.ok() ? kExitOk : fail(moved.error());
}

int list_sink_cursors(const CursorOptions& options) {
    std::filesystem::path data_dir = options.data_dir;
    std::optional<std::set<std::string>> configured;
    if (!options.config.empty()) {
        config::Problems problems;
        const auto settings = load_settings(options.config, problems);
        std::cerr << problems.text();
        if (!settings) return kExitConfig;
        if (data_dir.empty()) data_dir = settings->data_dir;
        configured.emplace();
        for (const auto& [id, sink] : settings->sinks)
            configured->insert(id);
    }
    if (const int code = find_data(data_dir, {}, data_dir); code != kExitOk) return code;
    const auto rows = sinks::list_cursors(posix_disk(), data_dir / "journal", configured);
    if (!rows) return fail(rows.error());
    sinks::print_cursors(*rows, system_clock().wall(), options.json, std::cout);
    const bool sound = std::ranges::all_of(*rows, &std::string::empty, &sinks::CursorRow::problem);
    return sound ? kExitOk : kExitFailed;
}

namespace {

/// Calls `work` with the data directory that is meant.
template <class Work>
int with_data(const OrderOptions& options, const Work& work) {
    std::filesystem::path data_dir;
    if (const int code = find_data(options.data_dir, options.config, data_dir); code != kExitOk)
        return code;
    log::set_level(log::Level::error);
    return work(OrderScene{data_dir, posix_disk(), system_clock(), std::cout, std::cerr});
}

int usage(std::string_view message) {
    std::cerr << "penstock: " << message << '\n';
    return kExitUsage;
}

}  // namespace

int replay(const OrderOptions& options) {
    if (const auto where = sinks::Where::parse(options.where); !where)
        return usage("--where: " + where.error().message);
    sinks::Order order;
    order.kind = sinks::OrderKind::replay;
    order.sink = options.sink;
    order.from = options.from;
    order.to = options.to;
    order.device = options.device;
    order.where = options.where;
    return with_data(options, [&](const OrderScene& scene) {
        return give_order(scene, order, options.detach);
    });
}

int list_all_orders(const OrderOptions& options) {
    return with_data(options, list_orders);
}

int end_order(const OrderOptions& options) {
    return with_data(options, [&](const OrderScene& scene) {
        return cancel_order(scene, options.id);
    });
}

int list_refused(const OrderOptions& options) {
    return with_data(options, [&](const OrderScene& scene) {
        return list_quarantine(scene, {options.sink, options.id, options.limit});
    });
}

int show_refused(const OrderOptions& options) {
    return with_data(options, [&](const OrderScene& scene) {
        return show_quarantined(scene, options.id);
    });
}

int redrive_refused(const OrderOptions& options) {
    sinks::Order order;
    order.kind = sinks::OrderKind::redrive;
    order.sink = options.sink;
    return with_data(options, [&](const OrderScene& scene) {
        return give_order(scene, order, options.detach);
    });
}

int drop_refused(const OrderOptions& options) {
    if (options.all != options.entries.empty())
        return usage("name entries by --id, or say --all: one of the two");
    if (options.entries.size() > sinks::kOrderEntriesMax)
        return usage("at most 1000 entries at a time; --all drops all");
    if (!options.yes)
        return usage("what is dropped never reaches the sink: say --yes to mean that");
    sinks::Order order;
    order.kind = sinks::OrderKind::drop;
    order.sink = options.sink;
    order.entries = options.entries;
    return with_data(options, [&](const OrderScene& scene) {
        return give_order(scene, order, options.detach);
    });
}

int edit_passwords(const PasswdOptions& options) {
    if (options.remove) {
        const auto removed = auth::remove_user(options.file, options.user);
        return removed.ok() ? kExitOk : fail(removed.error());
    }
    const auto password = ask_password("Password: ");
    if (!password || password->empty())
        return fail({Errc::invalid_argument, "no password was given"});
    if (::isatty(STDIN_FILENO) == 1 && ask_password("Again: ") != password) {
        return fail({Errc::invalid_argument, "the two passwords differ"});
    }
    const auto set = auth::set_password(options.file, options.user, *password);
    return set.ok() ? kExitOk : fail(set.error());
}

std::string version_text() {
    return fmt::format("penstock {} ({})", kVersion, kCommit);
}

int print_version() {
    std::cout << version_text() << '\n';
    return kExitOk;
}

int print_reference() {
    std::cout << settings_reference();
    return kExitOk;
}

}  // namespace penstock::app
