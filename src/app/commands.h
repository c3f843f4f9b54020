#pragma once

#include "app/settings.h"
#include "app/sim/fleet.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// What the subcommands do. Each returns an exit code (cli.h) and prints for people.
namespace penstock::app {

struct RunOptions {
    ConfigFiles config;  // empty: the embedded settings
    bool demo = false;
    std::filesystem::path data_dir;  // empty: as the settings say
};
int run_daemon(const RunOptions& options);

struct CheckOptions {
    ConfigFiles config;
    bool connect = false;
};
int check_settings(const CheckOptions& options);

/// `password` names the file that holds it.
int play_fleet(sim::Options options);

struct JournalOptions {
    std::string command;
    std::filesystem::path data_dir;
    ConfigFiles config;
    std::optional<std::uint64_t> from;
    std::optional<std::uint64_t> to;
    std::string device;
    bool accept_loss = false;
};
int use_journal(const JournalOptions& options);

struct AuditOptions {
    std::filesystem::path data_dir;
    ConfigFiles config;
    bool json = false;
};
/// The ledger of every sink, from the files alone. kExitFailed: something cannot be accounted for.
int audit_sinks(const AuditOptions& options);

struct CursorOptions {
    std::filesystem::path data_dir;
    ConfigFiles config;
    std::string sink;
    std::string to;
    bool skip = false;
    bool json = false;
};
int set_cursor(const CursorOptions& options);
/// With settings it says which cursors are orphaned. kExitFailed: one cannot be read, too.
int list_sink_cursors(const CursorOptions& options);

struct OrderOptions {
    std::filesystem::path data_dir;
    ConfigFiles config;
    std::string sink;
    std::string from;
    std::string to = "latest";
    std::string device;
    std::string where;
    std::vector<std::string> entries;
    bool all = false;
    bool yes = false;
    bool detach = false;
    std::string id;
    std::uint32_t limit = 0;
};
int replay(const OrderOptions& options);
int list_all_orders(const OrderOptions& options);
int end_order(const OrderOptions& options);
int list_refused(const OrderOptions& options);
int show_refused(const OrderOptions& options);
int redrive_refused(const OrderOptions& options);
int drop_refused(const OrderOptions& options);

struct PasswdOptions {
    std::filesystem::path file;
    std::string user;
    bool remove = false;
};
int edit_passwords(const PasswdOptions& options);

int print_version();
[[nodiscard]] std::string version_text();

int print_reference();

}  // namespace penstock::app
