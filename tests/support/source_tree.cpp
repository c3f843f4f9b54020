#include "support/source_tree.h"

#include <stdexcept>

namespace penstock::test {

std::filesystem::path source_tree() {
    for (auto at = std::filesystem::current_path();; at = at.parent_path()) {
        if (std::filesystem::exists(at / "CMakePresets.json")) return at;
        if (at == at.parent_path()) throw std::runtime_error("run the tests below the source tree");
    }
}

}  // namespace penstock::test
