#pragma once

#include "config/document.h"
#include "config/problem.h"
#include "config/secret.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::config {

constexpr std::size_t kDocumentBytesMax = std::size_t{1} << 20;
constexpr std::size_t kDocumentDepthMax = 32;
constexpr std::size_t kDocumentNodesMax = 100'000;  // aliases counted as often as they are used
constexpr std::size_t kDocumentFilesMax = 16;       // laid over each other

/// Reads one YAML document into a tree, with checks that a YAML library leaves out: duplicate keys,
/// keys that are no scalars, tags, merge keys, a second document, invalid UTF-8, size, depth and
/// what aliases expand to.
/// `${NAME}` and `${NAME:-default}` in scalar values (never in keys, never as structure) become
/// what the environment says; `$${` writes a literal `${`. Returns null when the text is no
/// document at all; the reason is then among the problems. Never throws. An empty text is an empty
/// map.
[[nodiscard]] std::shared_ptr<const Document> parse_yaml(
    std::string_view text, std::string file, const Environment& environment, Problems& problems
);

/// Reads several texts, each as above, and lays them over each other in their order (overlay.h): a
/// later one wins key by key. Anchors belong to their text. At least one text, kDocumentFilesMax at
/// most. Null when one of them is no document.
[[nodiscard]] std::shared_ptr<const Document> parse_yaml(
    std::vector<Source> texts, const Environment& environment, Problems& problems
);

}  // namespace penstock::config
