#pragma once

#include <string>

namespace penstock::test {

struct ShellOutput {
    int status = -1;  // as pclose() gives it
    std::string text;
};

/// Runs a command of /bin/sh and waits for it. Threads: any.
[[nodiscard]] ShellOutput shell(const std::string& command);
/// A word as the shell takes it, whatever is in it.
[[nodiscard]] std::string shell_quoted(const std::string& text);

}  // namespace penstock::test
