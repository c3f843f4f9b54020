// Gives the files of a folder to one fuzz target, each once: fuzz_replay TARGET FOLDER
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#define PS_FUZZ_TARGET(name) extern "C" int fuzz_##name(const std::uint8_t* data, std::size_t size);
#include "fuzz_targets.inc"
#undef PS_FUZZ_TARGET

namespace {

struct Target {
    std::string_view name;
    int (*take)(const std::uint8_t*, std::size_t);
};

#define PS_FUZZ_TARGET(name) {#name, fuzz_##name},
constexpr Target kTargets[] = {
#include "fuzz_targets.inc"
};
#undef PS_FUZZ_TARGET

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) return 2;
    for (const Target& target : kTargets) {
        if (target.name != arguments[1]) continue;
        std::size_t inputs = 0;
        for (const auto& entry : std::filesystem::directory_iterator(arguments[2])) {
            std::ifstream file(entry.path(), std::ios::binary);
            const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
            // Told first: a broken claim ends the process.
            std::fprintf(stderr, "%s\n", entry.path().filename().c_str());
            target.take(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
            ++inputs;
        }
        std::printf("%s: %zu inputs\n", arguments[1], inputs);
        return inputs == 0 ? 1 : 0;
    }
    std::fprintf(stderr, "no such target: %s\n", arguments[1]);
    return 2;
}
