#pragma once

#include "penstock/clock.h"
#include "penstock/result.h"
#include "sinks/archive/config.h"
#include "sinks/archive/manifest.h"
#include "sinks/archive/object_reader.h"

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks {

/// Which manifests of an archive are meant.
struct ArchiveScope {
    std::string prefix;               // of object names; empty, or ends with '/'
    std::string sink;                 // its id
    std::filesystem::path state_dir;  // of the sink; where there is none, the store alone is asked
    Nanoseconds since = 0;            // manifests of earlier hours are left out
};

/// A manifest as it was found.
struct FoundManifest {
    ManifestLink link;  // no name: in the state folder, not at the store yet
    Manifest manifest;
};

/// All manifests of a sink: those at the store and, behind them, those of the hour at hand.
struct ArchiveListing {
    std::vector<FoundManifest> manifests;
    /// Why one cannot be read, or is not there although another one names it. A sentence each.
    std::vector<std::string> problems;
};

/// Reads the state folder first, then the store, then what these name and the store has elsewhere
/// (under another prefix of before). Memory: all of it. Errors: those of the reader, io.
[[nodiscard]] Result<ArchiveListing> list_archive(ObjectReader& reader, const ArchiveScope& scope);

}  // namespace penstock::sinks
