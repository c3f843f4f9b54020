#pragma once

#include "penstock/clock.h"
#include "penstock/result.h"
#include "sinks/archive/config.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// What a store says of an object.
struct ObjectFacts {
    std::uint64_t bytes = 0;
    std::string sha256;  // lower-case hex
};

/// Looks into a store: for tools, not for the data path. Threads: owner.
class ObjectReader {
public:
    virtual ~ObjectReader() = default;

    /// Names that begin with `folder`, which is empty or ends with '/', sorted; at most 10
    /// million.
    [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;
    /// An object's bytes. Errors: not_found; too_large beyond `bytes_max`.
    [[nodiscard]] virtual Result<std::string> read(
        const std::string& name, std::uint64_t bytes_max
    ) = 0;
    /// Its size and its digest: where the store keeps that beside the object and `deep` is not set,
    /// as it was when the object was put; otherwise of what is read. Errors: not_found.
    [[nodiscard]] virtual Result<ObjectFacts> look(const std::string& name, bool deep) = 0;
};

/// Precondition: the settings passed their check. A bucket is asked for so many names at a time.
[[nodiscard]] std::unique_ptr<ObjectReader> make_object_reader(
    const ArchiveConfig& config, const Clock& clock, std::uint32_t names_at_once = 1000
);

}  // namespace penstock::sinks
