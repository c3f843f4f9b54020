#pragma once

#include "penstock/clock.h"
#include "penstock/ids.h"
#include "penstock/result.h"
#include "sinks/archive/object_ranges.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks {

/// An object that is durable at the store.
struct ManifestEntry {
    std::string name;
    LsnRange range;  // of its window
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    std::string sha256;  // lower-case hex

    friend bool operator==(const ManifestEntry&, const ManifestEntry&) = default;
};

/// A manifest that stands at the store.
struct ManifestLink {
    std::string name;  // empty: none
    std::string sha256;

    friend bool operator==(const ManifestLink&, const ManifestLink&) = default;
};

/// What one sink has archived, in about an hour: each record of `ranges` stands in one of these
/// objects, or was not for the sink (filtered, refused, expired). Threads: immutable.
struct Manifest {
    JournalId journal;
    std::string sink;
    Nanoseconds begun = 0;  // when its first object was confirmed
    Lsn accounted;          // the sink's progress when it was written
    ManifestLink previous;  // so that one that was removed is missed; none: the archive begins here
    LsnRanges ranges;       // none in those of a replay: its objects are listed, nothing is claimed
    std::vector<ManifestEntry> objects;

    /// From the lowest to the highest LSN in it.
    [[nodiscard]] LsnRange span() const noexcept;

    friend bool operator==(const Manifest&, const Manifest&) = default;
};

/// As JSON, an object of the archive a line:
///
///     {"penstock":"archive manifest","version":1,"journal":"9f..","sink":"lake",
///      "begun":"2026-11-22T01:00:07Z","accounted":4000,
///      "previous":{"name":"manifest/..","sha256":"77.."},"ranges":[[1,4000]],"objects":[
///     {"name":"stream=..","first":1,"last":90,"records":90,"bytes":4711,"sha256":"3a.."}
///     ]}
///
/// Errors of decode: malformed, unsupported (a newer version).
[[nodiscard]] std::string encode(const Manifest& manifest);
[[nodiscard]] Result<Manifest> decode_manifest(std::string_view text);

/// `<prefix>manifest/<sink>/date=2026-11-22/hour=01/<journal>-<first>-<last>.json`: the hour in
/// which it was begun, and span().
[[nodiscard]] std::string manifest_name(std::string_view prefix, const Manifest& manifest);
/// Where all of a sink's manifests begin.
[[nodiscard]] std::string manifest_folder(std::string_view prefix, std::string_view sink);
/// `date=2026-11-22/hour=01/`: what follows it for manifests that were begun then. Sorts as time.
[[nodiscard]] std::string manifest_hour(Nanoseconds begun);

/// The manifest of the hour at hand, in the sink's state folder: durable before the cursor passes
/// what it lists, so that a crash leaves nothing out. Each write costs its whole text: some hundred
/// bytes an object. Threads: owner.
class ManifestLog {
public:
    /// A manifest goes to the store at these, or an hour after it was begun.
    static constexpr std::size_t kObjectsMax = 4096;
    static constexpr Nanoseconds kAge = 3600 * kSecond;

    /// Whose it is. Of a replay: it lists objects, and claims no ranges.
    struct Owner {
        JournalId journal;
        std::string sink;
        bool replay = false;
    };

    /// Errors: a newer version (unsupported), io. A file that is damaged or of another journal is
    /// put aside: verification will say that what it listed stands in no manifest.
    [[nodiscard]] static Result<ManifestLog> open(const std::filesystem::path& folder, Owner owner);

    [[nodiscard]] const Manifest& manifest() const noexcept { return manifest_; }
    /// The sink goes on behind `safe`. What lies between there and where the last add() left it was
    /// not for this sink. (That is not noted when it passes by: a write each time would cost more
    /// than it tells.) Without a file everything up to `safe` is somebody else's.
    void start(Lsn safe);
    /// These objects are confirmed, and so is every record up to `last`. Durable on return; after
    /// an error nothing has changed.
    [[nodiscard]] Status add(Lsn last, std::vector<ManifestEntry> objects, Nanoseconds wall);
    [[nodiscard]] bool due(Nanoseconds wall) const;
    /// The manifest stands at the store: the next begins. Durable on return.
    [[nodiscard]] Status follow(ManifestLink stored);

    /// The file, for who only looks; nothing: there is none. Errors: malformed, and those of
    /// open().
    [[nodiscard]] static Result<std::optional<Manifest>> read(const std::filesystem::path& folder);

private:
    ManifestLog(std::filesystem::path path, Owner owner)
        : path_(std::move(path)), replay_(owner.replay) {
        manifest_.journal = owner.journal;
        manifest_.sink = std::move(owner.sink);
    }

    std::filesystem::path path_;
    bool replay_;
    Manifest manifest_;
    Lsn next_from_;  // the range of the next add() begins behind it
};

}  // namespace penstock::sinks
