#include "support/shell.h"

#include <array>
#include <cstddef>
#include <cstdio>

namespace penstock::test {

std::string shell_quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text)
        out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

ShellOutput shell(const std::string& command) {
    ShellOutput out;
    std::FILE* pipe = ::popen(command.c_str(), "re");
    if (pipe == nullptr) return out;
    std::array<char, 4096> buffer{};
    while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
        out.text.append(buffer.data(), n);
    }
    out.status = ::pclose(pipe);
    return out;
}

}  // namespace penstock::test
