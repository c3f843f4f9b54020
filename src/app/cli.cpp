#include "app/cli.h"

#include "app/cli_archive.h"
#include "app/cli_options.h"
#include "app/commands.h"
#include "app/config_commands.h"
#include "app/doctor/doctor.h"
#include "app/health.h"
#include "app/manual.h"
#include "app/sinks_table.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <functional>
#include <iostream>
#include <string>

namespace penstock::app {
namespace {

/// For commands that work on the data directory.
template <class Options>
void add_data(CLI::App& app, Options& options) {
    app.add_option("-d,--data-dir", options.data_dir, "The daemon's data_dir");
    add_config(app, options.config, "Settings to take data_dir from")->check(CLI::ExistingFile);
}

void add_run(CLI::App& app, Action& action, RunOptions& options) {
    auto* run =
        app.add_subcommand("run", "Run the daemon. SIGHUP reloads, SIGTERM drains and stops.");
    add_config(*run, options.config, kConfigHelp)->check(CLI::ExistingFile);
    run->add_flag("--demo", options.demo, "Use the embedded settings and print lines to paste");
    run->add_option(
        "--data-dir",
        options.data_dir,
        "Where to keep the data, instead of data_dir of the settings"
    );
    run->callback([&] { action = [&options] { return run_daemon(options); }; });
}

void add_check(CLI::App& app, Action& action, CheckOptions& options) {
    auto* check =
        app.add_subcommand("check", "Check the settings; names everything that is wrong.");
    add_config(*check, options.config, kConfigHelp)->required();
    check->add_flag("--connect", options.connect, "Try to reach every sink, too");
    check->callback([&] { action = [&options] { return check_settings(options); }; });
}

void add_doctor(CLI::App& app, Action& action, DoctorOptions& options) {
    auto* doctor = app.add_subcommand(
        "doctor", "Look at settings, machine and far sides; say how to mend what is wrong."
    );
    add_config(*doctor, options.config, kConfigHelp)->required();
    doctor->add_flag("--json", options.json, "Print one JSON object");
    doctor->callback([&] { action = [&options] { return run_doctor(options); }; });
}

void add_health(CLI::App& app, Action& action, HealthOptions& options) {
    auto* health =
        app.add_subcommand("health", "Ask the node on this machine how it is; exit code 0: well.");
    health->add_option("--admin", options.admin, "Its admin listener, ADDRESS:PORT")
        ->capture_default_str();
    health->add_flag(
        "--live", options.live, "Ask whether it answers, not whether it takes records"
    );
    health->add_option("--timeout", options.timeout_seconds, "Seconds to wait")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    health->callback([&] { action = [&options] { return ask_health(options, std::cout); }; });
}

void add_sinks(CLI::App& app, Action& action, SinksOptions& options) {
    auto* sinks = app.add_subcommand(
        "sinks", "Show what the sinks of the running daemon do: state, lag, rate, runway, error."
    );
    auto* admin = sinks->add_option("--admin", options.admin, "Its admin listener, ADDRESS:PORT")
                      ->capture_default_str();
    auto* token = sinks->add_option("--token-file", options.token_file, "File with its admin token")
                      ->check(CLI::ExistingFile);
    add_config(*sinks, options.config, "Settings to take address and token from")
        ->check(CLI::ExistingFile)
        ->excludes(admin)
        ->excludes(token);
    sinks->add_flag("--json", options.json, "Print the answer of /v1/sinks");
    sinks->add_option("--timeout", options.timeout_seconds, "Seconds to wait")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    sinks->callback([&] {
        action = [&options] { return show_sinks(options, std::cout, std::cerr); };
    });
}

void add_sim(CLI::App& app, Action& action, sim::Options& options) {
    auto* sub =
        app.add_subcommand("sim", "Play a fleet of wearables over MQTT and HTTP, faults included.");
    sub->add_option("--mqtt", options.mqtt, "MQTT listener, host:port; empty: none")
        ->capture_default_str();
    sub->add_option("--http", options.http, "HTTP listener, host:port; empty: none")
        ->capture_default_str();
    sub->add_option("--http-share", options.http_share, "Part of the devices that use HTTP")
        ->capture_default_str();
    sub->add_option("-n,--devices", options.devices, "Number of devices")->capture_default_str();
    sub->add_option("-r,--rate", options.rate, "Events a second, all devices together")
        ->capture_default_str();
    sub->add_option("-q,--qos", options.qos, "MQTT quality of service, 0 or 1")
        ->capture_default_str();
    sub->add_option("--version-level", options.version, "MQTT: 4 (3.1.1) or 5")
        ->capture_default_str();
    sub->add_option("-s,--seconds", options.seconds, "How long; 0: until stopped")
        ->capture_default_str();
    sub->add_option("--seed", options.seed, "The same seed plays the same fleet")
        ->capture_default_str();
    sub->add_option("--topic", options.topic, "MQTT topic")->capture_default_str();
    sub->add_option("--stream", options.stream, "Stream of the HTTP path")->capture_default_str();
    sub->add_option("-u,--user", options.user, "User name");
    sub->add_option("--password-file", options.password, "File that holds the password")
        ->check(CLI::ExistingFile);
    sub->add_option("--bad-json", options.faults.bad_json, "Probability of a broken payload")
        ->capture_default_str();
    sub->add_option("--gaps", options.faults.gap, "Probability of a silence")
        ->capture_default_str();
    sub->add_option("--duplicates", options.faults.duplicate, "Probability of a repeat")
        ->capture_default_str();
    sub->add_option("--spikes", options.faults.spike, "Probability of a far-off reading")
        ->capture_default_str();
    sub->add_option(
           "--out-of-range", options.faults.out_of_range, "Probability of an invalid reading"
    )
        ->capture_default_str();
    sub->callback([&] { action = [&options] { return play_fleet(options); }; });
}

CLI::App* journal_command(
    CLI::App& parent, Action& action, JournalOptions& options, const char* name, const char* help
) {
    auto* sub = parent.add_subcommand(name, help);
    add_data(*sub, options);
    sub->callback([&action, &options, name] {
        options.command = name;
        action = [&options] { return use_journal(options); };
    });
    return sub;
}

void add_journal(CLI::App& app, Action& action, JournalOptions& options) {
    auto* journal = app.add_subcommand("journal", "Look at the journal, or mend it.");
    journal->require_subcommand(1);
    journal_command(*journal, action, options, "ls", "List segments and cursors");
    journal_command(*journal, action, options, "check", "Verify every frame, footer and cursor");
    auto* dump = journal_command(*journal, action, options, "dump", "Print records as JSON lines");
    dump->add_option("--from", options.from, "First LSN");
    dump->add_option("--to", options.to, "Last LSN");
    dump->add_option("--device", options.device, "Only this device");
    auto* repair =
        journal_command(*journal, action, options, "repair", "Rebuild indexes, cut torn tails");
    repair->add_flag(
        "--accept-loss",
        options.accept_loss,
        "Put damaged acknowledged records aside and go on without"
    );
}

void add_audit(CLI::App& app, Action& action, AuditOptions& options) {
    auto* audit = app.add_subcommand(
        "audit", "Say of every sink what became of the records: delivered, kept aside or pending."
    );
    add_data(*audit, options);
    audit->add_flag("--json", options.json, "Print one JSON object");
    audit->callback([&] { action = [&options] { return audit_sinks(options); }; });
}

void add_cursor(CLI::App& app, Action& action, CursorOptions& options) {
    auto* cursor =
        app.add_subcommand("cursor", "Show where sinks stand, or decide where one goes on.");
    cursor->require_subcommand(1);
    auto* ls = cursor->add_subcommand(
        "ls", "List every cursor: LSN, lag, age; with --config also which are orphaned."
    );
    add_data(*ls, options);
    ls->add_flag("--json", options.json, "Print one JSON object");
    ls->callback([&] { action = [&options] { return list_sink_cursors(options); }; });
    auto* set = cursor->add_subcommand(
        "set",
        "Back: deliver again from there. Forward, with --skip: pass over what is between. The "
        "daemon must be stopped."
    );
    add_data(*set, options);
    set->add_option("-s,--sink", options.sink, "The sink's name in the settings")->required();
    set->add_option(
           "-t,--to", options.to, "earliest, latest, a time, or the LSN of the first record"
    )
        ->required();
    set->add_flag("--skip", options.skip, "Move forward: what is between never reaches the sink");
    set->callback([&] { action = [&options] { return set_cursor(options); }; });
}

/// A subcommand that works on a data directory.
CLI::App* data_command(
    CLI::App& parent,
    Action& action,
    OrderOptions& options,
    const char* name,
    const char* help,
    int (*run)(const OrderOptions&)
) {
    auto* sub = parent.add_subcommand(name, help);
    add_data(*sub, options);
    sub->callback([&action, &options, run] { action = [&options, run] { return run(options); }; });
    return sub;
}

void add_sink(CLI::App& command, OrderOptions& options) {
    command.add_option("-s,--sink", options.sink, "The sink's name in the settings")->required();
}

void add_detach(CLI::App& command, OrderOptions& options) {
    command.add_flag("--detach", options.detach, "Give the order, do not follow it");
}

void add_replay(CLI::App& app, Action& action, OrderOptions& options) {
    auto* replay = data_command(
        app,
        action,
        options,
        "replay",
        "Deliver a range of the journal to a sink again, beside its own delivery. The daemon must "
        "run.",
        app::replay
    );
    add_sink(*replay, options);
    replay->add_option("-f,--from", options.from, "earliest, a time of arrival, or a first LSN")
        ->required();
    replay->add_option("-t,--to", options.to, "latest, a time before which, or a last LSN")
        ->capture_default_str();
    replay->add_option("--device", options.device, "Only records of this device");
    replay->add_option("--where", options.where, "Only records for which this holds");
    add_detach(*replay, options);
}

void add_orders(CLI::App& app, Action& action, OrderOptions& options) {
    auto* orders =
        app.add_subcommand("orders", "Look at what was ordered of the daemon, or end it.");
    orders->require_subcommand(1);
    data_command(*orders, action, options, "ls", "List orders, oldest first", list_all_orders);
    data_command(*orders, action, options, "cancel", "End an order before its time", end_order)
        ->add_option("id", options.id, "As `orders ls` shows it")
        ->required();
}

void add_quarantine(CLI::App& app, Action& action, OrderOptions& options) {
    auto* parent = app.add_subcommand(
        "quarantine", "What far sides refused: look at it, deliver it again, or give it up."
    );
    parent->require_subcommand(1);
    auto* ls = data_command(
        *parent,
        action,
        options,
        "ls",
        "List entries: id, sink, LSN, time, device, reason",
        list_refused
    );
    ls->add_option("-s,--sink", options.sink, "Only of this sink");
    ls->add_option("--after", options.id, "Begin behind this entry");
    ls->add_option("-n,--limit", options.limit, "Stop after so many; 0: all");
    data_command(*parent, action, options, "show", "Print the record of an entry", show_refused)
        ->add_option("id", options.id, "As `quarantine ls` shows it")
        ->required();
    auto* redrive = data_command(
        *parent,
        action,
        options,
        "redrive",
        "Deliver a sink's entries again, in order. The daemon must run.",
        redrive_refused
    );
    add_sink(*redrive, options);
    add_detach(*redrive, options);
    auto* drop = data_command(
        *parent, action, options, "drop", "Give entries up. The daemon must run.", drop_refused
    );
    add_sink(*drop, options);
    drop->add_option("--id", options.entries, "As `quarantine ls` shows it; may be repeated");
    drop->add_flag("--all", options.all, "All entries of the sink");
    drop->add_flag("--yes", options.yes, "Really");
    add_detach(*drop, options);
}

/// What `penstock config` can be asked.
struct ConfigOptions {
    SchemaOptions schema;
    ExplainOptions explain;
    InitOptions init;
};

void add_config_command(CLI::App& app, Action& action, ConfigOptions& options) {
    auto* config = app.add_subcommand("config", "Say what can be set, or begin a settings file.");
    config->require_subcommand(1);
    auto* schema = config->add_subcommand("schema", "Print a JSON Schema, for editors of YAML.");
    schema->add_flag(
        "--overlay",
        options.schema.overlay,
        "For files that are laid over others: nothing is required"
    );
    schema->callback([&] { action = [&options] { return print_schema(options.schema); }; });
    auto* explain = config->add_subcommand("explain", "Say what a key means.");
    explain->add_option("key", options.explain.key, "Such as journal.retain_size, or its end")
        ->required();
    explain->callback([&] { action = [&options] { return explain_setting(options.explain); }; });
    auto* init = config->add_subcommand("init", "Begin a settings file, with comments.");
    init->add_option("file", options.init.file, "Where to; printed when it is not named");
    init->add_flag("--all", options.init.all, "Every key with its default");
    init->callback([&] { action = [&options] { return begin_settings(options.init); }; });
}

void add_passwd(CLI::App& app, Action& action, PasswdOptions& options) {
    auto* passwd =
        app.add_subcommand("passwd", "Set a user's password in a password file (argon2id).");
    passwd->add_option("file", options.file, "The password file; made when missing")->required();
    passwd->add_option("user", options.user, "The user name")->required();
    passwd->add_flag("-D,--delete", options.remove, "Remove the user");
    passwd->callback([&] { action = [&options] { return edit_passwords(options); }; });
}

}  // namespace

int run_command_line(int argc, char** argv) {
    CLI::App app("Penstock takes in device telemetry, keeps it, and delivers it.", "penstock");
    app.require_subcommand(0, 1);
    Action action;
    RunOptions run;
    CheckOptions check;
    DoctorOptions doctor;
    HealthOptions health;
    SinksOptions sinks;
    sim::Options fleet;
    JournalOptions journal;
    AuditOptions audit;
    ArchiveOptions archive;
    RestoreOptions restore;
    CursorOptions cursor;
    OrderOptions order;
    ConfigOptions config;
    PasswdOptions passwd;
    bool reference = false;
    add_run(app, action, run);
    add_check(app, action, check);
    add_doctor(app, action, doctor);
    add_health(app, action, health);
    add_sinks(app, action, sinks);
    add_sim(app, action, fleet);
    add_journal(app, action, journal);
    add_audit(app, action, audit);
    add_archive(app, action, archive, restore);
    add_cursor(app, action, cursor);
    add_replay(app, action, order);
    add_orders(app, action, order);
    add_quarantine(app, action, order);
    add_config_command(app, action, config);
    add_passwd(app, action, passwd);
    app.add_subcommand("version", "Print the version")->callback([&] { action = print_version; });
    app.add_flag(
        "--reference", reference, "Print every setting with its default, as docs/CONFIG.md"
    );
    bool manual = false;
    bool completion = false;
    app.add_flag("--man-page", manual, "Print penstock(1), for man");
    app.add_flag("--bash-completion", completion, "Print completion for bash");
    app.set_version_flag("-V,--version", version_text());
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kExitOk : kExitUsage;
    }
    if (reference) return print_reference();
    if (manual || completion) {
        std::cout << (manual ? manual_page(app) : bash_completion(app));
        return kExitOk;
    }
    if (action) return action();
    return app.exit(CLI::CallForHelp()) == 0 ? kExitOk : kExitUsage;
}

}  // namespace penstock::app
