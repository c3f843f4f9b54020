// A settings file, from YAML to the whole daemon's settings.
#include "app/settings.h"
#include "config/yaml.h"
#include "fuzz.h"

#include <string>

namespace {

std::optional<std::string> environment(std::string_view name) {
    if (name == "HOME") return "/nowhere";
    if (name == "SET") return "a value: with, [signs]";
    return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock;
    const fuzz::Block block(fuzz::Input(data, size).text());
    config::Problems problems;
    const auto settings =
        config::read<app::Settings>(block.text(), "fuzz.yaml", problems, environment);
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
