#include "app/manual.h"

#include "app/cli.h"
#include "app/version.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <iterator>
#include <string_view>
#include <vector>

namespace penstock::app {
namespace {

/// Text that roff does not take for requests: hyphens stay hyphens, a leading dot or quote is text.
std::string roff(std::string_view text) {
    std::string out;
    if (text.starts_with('.') || text.starts_with('\'')) out = "\\&";
    for (const char c : text) {
        if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else {
            out += c;
        }
    }
    return out;
}

/// `-c, --config`, or the name of a positional.
std::string names_of(const CLI::Option& option) {
    std::string out;
    for (const auto& name : option.get_snames())
        out += (out.empty() ? "-" : ", -") + name;
    for (const auto& name : option.get_lnames())
        out += (out.empty() ? "--" : ", --") + name;
    return out.empty() ? option.get_name(true) : out;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
    return app.get_subcommands(std::function<bool(const CLI::App*)>{});
}

std::string path_of(const CLI::App& app) {
    const CLI::App* const parent = app.get_parent();
    return parent == nullptr ? app.get_name() : path_of(*parent) + ' ' + app.get_name();
}

void describe_option(const CLI::Option& option, std::string& out) {
    out += ".TP\n\\fB" + roff(names_of(option)) + "\\fR";
    if (!option.get_positional() && option.get_items_expected_max() > 0)
        out += " \\fI" + roff(option.get_type_name()) + "\\fR";
    out += '\n' + roff(option.get_description());
    if (!option.get_default_str().empty())
        out += " Default: " + roff(option.get_default_str()) + '.';
    out += '\n';
}

/// A command, then those below it.
void describe(const CLI::App& app, std::string& out) {
    if (app.get_parent() != nullptr) {
        out += ".SS " + roff(path_of(app)) + '\n' + roff(app.get_description()) + '\n';
    }
    for (const CLI::Option* option : app.get_options()) {
        if (option != app.get_help_ptr()) describe_option(*option, out);
    }
    for (const CLI::App* command : commands_of(app))
        describe(*command, out);
}

/// `case` lines: what may follow a path of commands.
void complete(const CLI::App& app, std::string& out) {
    std::string words;
    for (const CLI::App* command : commands_of(app))
        words += command->get_name() + ' ';
    for (const CLI::Option* option : app.get_options()) {
        for (const auto& name : option->get_lnames())
            words += "--" + name + ' ';
    }
    if (!words.empty()) words.pop_back();
    fmt::format_to(std::back_inserter(out), "    \"{}\") words=\"{}\" ;;\n", path_of(app), words);
    for (const CLI::App* command : commands_of(app))
        complete(*command, out);
}

}  // namespace

std::string manual_page(const CLI::App& app) {
    std::string out = fmt::format(
        ".TH PENSTOCK 1 \"\" \"Penstock {}\" \"User Commands\"\n"
        ".SH NAME\npenstock \\- intake of device telemetry with a durable log\n"
        ".SH SYNOPSIS\n.B penstock\n\\fICOMMAND\\fR [\\fIOPTION\\fR]...\n"
        ".SH DESCRIPTION\n{}\n.SH COMMANDS\n",
        kVersion,
        roff(app.get_description())
    );
    describe(app, out);
    out += fmt::format(
        ".SH EXIT STATUS\n"
        ".TP\n{}\nAll is well.\n"
        ".TP\n{}\nIt failed, or something was found.\n"
        ".TP\n{}\nThe command line makes no sense.\n"
        ".TP\n{}\nThe journal cannot be written or read.\n"
        ".TP\n{}\nThe settings are wrong.\n",
        int{kExitOk},
        int{kExitFailed},
        int{kExitUsage},
        int{kExitIo},
        int{kExitConfig}
    );
    out +=
        ".SH FILES\n"
        ".TP\n/etc/penstock/penstock.yaml\nSettings of the service.\n"
        ".TP\n/etc/penstock/credentials/\nSecrets, each a file; NAME is credential:secret_NAME in "
        "the "
        "settings.\n"
        ".TP\n/var/lib/penstock/\nJournal, cursors, quarantine and learned scores.\n"
        ".SH SEE ALSO\nsystemctl(1), journalctl(1)\n";
    return out;
}

std::string bash_completion(const CLI::App& app) {
    std::string cases;
    complete(app, cases);
    return fmt::format(
        R"(# bash completion of penstock, made from its table of commands.
_penstock() {{
  local path=penstock word words="" i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    if _penstock_words "$path" && [[ $word != -* && " $words " == *" $word "* ]]; then path+=" $word"; fi
  done
  _penstock_words "$path"
  if [[ ${{COMP_WORDS[COMP_CWORD]}} != -* && -z $(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}") ]]; then
    COMPREPLY=($(compgen -f -- "${{COMP_WORDS[COMP_CWORD]}}"))
  else
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
  fi
}}
_penstock_words() {{
  words=""
  case "$1" in
{}  esac
}}
complete -o filenames -F _penstock penstock
)",
        cases
    );
}

}  // namespace penstock::app
