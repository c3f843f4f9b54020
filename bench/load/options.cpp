#include "options.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace load {
namespace {

using Member = std::variant<
    int Options::*,
    long Options::*,
    double Options::*,
    bool Options::*,
    std::string Options::*>;

constexpr std::pair<std::string_view, Member> kOptions[] = {
    {"--protocol", &Options::protocol},
    {"--port", &Options::port},
    {"--connections", &Options::connections},
    {"--k", &Options::k},
    {"--window", &Options::window},
    {"--qos", &Options::qos},
    {"--batch", &Options::batch},
    {"--devices", &Options::devices},
    {"--payload", &Options::payload},
    {"--messages", &Options::messages},
    {"--rate", &Options::rate},
    {"--warmup", &Options::warmup},
    {"--seconds", &Options::seconds},
    {"--patience", &Options::patience},
    {"--idle", &Options::idle},
    {"--stamp", &Options::stamp},
    {"--waiting", &Options::waiting},
    {"--reconnect", &Options::reconnect},
    {"--backoff", &Options::backoff},
    {"--connecting", &Options::connecting},
    {"--topic", &Options::topic},
    {"--path", &Options::path},
    {"--tls", &Options::tls},
    {"--certificate", &Options::certificate},
    {"--key", &Options::key},
    {"--user", &Options::user},
    {"--password", &Options::password},
    {"--client", &Options::client},
    {"--ledger", &Options::ledger},
};

[[noreturn]] void refuse(std::string_view what, std::string_view text) {
    std::fprintf(
        stderr,
        "device_load: %.*s: '%.*s'\n",
        static_cast<int>(what.size()),
        what.data(),
        static_cast<int>(text.size()),
        text.data()
    );
    std::exit(2);
}

void set(Options& options, const Member& member, std::string_view key, std::string_view text) {
    std::visit(
        [&](auto pointer) {
            auto& out = options.*pointer;
            using T = std::remove_reference_t<decltype(out)>;
            if constexpr (std::is_same_v<T, std::string>) {
                out = text;
            } else if constexpr (std::is_same_v<T, bool>) {
                out = text == "1";
                if (text != "0" && text != "1") refuse(key, text);
            } else {
                const auto [end, error] =
                    std::from_chars(text.data(), text.data() + text.size(), out);
                if (error != std::errc{} || end != text.data() + text.size() || out < 0)
                    refuse(key, text);
            }
        },
        member
    );
}

}  // namespace

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; i += 2) {
        const std::string_view key = argv[i];
        const auto* found = std::begin(kOptions);
        while (found != std::end(kOptions) && found->first != key)
            ++found;
        if (found == std::end(kOptions)) refuse("no such option", key);
        if (i + 1 == argc) refuse("no value", key);
        set(options, found->second, key, argv[i + 1]);
    }
    if (options.protocol != "mqtt" && options.protocol != "http")
        refuse("--protocol", options.protocol);
    if (options.connections < 1 || options.devices < 1 || options.batch < 1 || options.k < 1 ||
        options.qos > 1 || options.window < options.k) {
        refuse("out of range, or", "--window smaller than --k");
    }
    if (options.seconds > 0) options.messages = static_cast<long>(options.rate * options.seconds);
    return options;
}

}  // namespace load
