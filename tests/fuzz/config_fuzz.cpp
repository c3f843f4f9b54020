// Settings files laid over each other (a form feed between two), from YAML to the whole daemon's
// settings.
#include "app/settings.h"
#include "config/yaml.h"
#include "fuzz.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::optional<std::string> environment(std::string_view name) {
    if (name == "HOME") return "/nowhere";
    if (name == "SET") return "a value: with, [signs]";
    return std::nullopt;
}

std::vector<penstock::config::Source> files_of(std::string_view text) {
    std::vector<penstock::config::Source> files;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find('\f', at), text.size());
        files.push_back(
            {"fuzz-" + std::to_string(files.size()) + ".yaml",
             std::string(text.substr(at, end - at))}
        );
        at = end + 1;
    }
    return files;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock;
    const fuzz::Block block(fuzz::Input(data, size).text());
    config::Problems problems;
    const auto settings =
        config::read<app::Settings>(files_of(block.text()), problems, environment);
    fuzz::claim(settings.has_value() == problems.ok(), "settings or a reason why not");
    const std::string text = problems.text();
    fuzz::claim(problems.ok() || !text.empty(), "problems are told");
    for (const config::Problem& problem : problems.sorted())
        fuzz::claim(!problem.message.empty(), "a problem says what it is");
    for (const char c : text)
        fuzz::claim(
            c == '\n' || static_cast<unsigned char>(c) >= 0x20,
            "messages hold no control characters"
        );
    if (settings) (void)app::memory_shares(*settings);
    return 0;
}
