#pragma once

#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): the library names it so
class App;
}

/// The command line as files of a package, made from the table of commands (cli.cpp).
/// Threads: one.
namespace penstock::app {

/// penstock(1), for man: every command with its options. Source: man-pages(7), groff_man(7).
[[nodiscard]] std::string manual_page(const CLI::App& app);

/// Completion of commands and options for bash.
[[nodiscard]] std::string bash_completion(const CLI::App& app);

}  // namespace penstock::app
