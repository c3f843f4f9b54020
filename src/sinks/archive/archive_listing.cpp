#include "sinks/archive/archive_listing.h"

#include "sinks/transport/digest.h"

#include <fmt/format.h>

#include <string_view>
#include <system_error>
#include <utility>

namespace penstock::sinks {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kManifestBytesMax = 64 << 20;

class Lister {
public:
    Lister(ObjectReader& reader, const ArchiveScope& scope)
        : reader_(reader),
          folder_(manifest_folder(scope.prefix, scope.sink)),
          since_(scope.since > 0 ? manifest_hour(scope.since) : std::string()) {}

    /// What the store does not have yet, of the sink and of its replays under way.
    Status read_state(const fs::path& folder) {
        PS_CHECK(read_one_state(folder));
        std::error_code failed;
        for (fs::directory_iterator at(folder, failed), end; !failed && at != end;
             at.increment(failed)) {
            if (at->path().filename().string().starts_with("order-"))
                PS_CHECK(read_one_state(at->path()));
        }
        return {};
    }

    Status read_store() {
        PS_TRY(const auto names, reader_.list(folder_));
        for (const std::string& name : names) {
            if (is_meant(name)) PS_CHECK(read(name));
        }
        // Every manifest names the one before it.
        for (std::size_t i = 0; i < listing_.manifests.size(); ++i)
            PS_CHECK(look_behind(i));
        for (std::size_t i = 0; i < open_.size(); ++i)
            PS_CHECK(follow(open_[i].previous, "the sink's state"));
        return {};
    }

    ArchiveListing finish() {
        for (Manifest& manifest : open_)
            listing_.manifests.push_back({{}, std::move(manifest)});
        return std::move(listing_);
    }

private:
    /// Not of an hour before those that are asked for.
    bool is_meant(std::string_view name) const {
        const std::size_t hour = name.find("/date=");
        return since_.empty() || hour == std::string_view::npos ||
               name.substr(hour + 1, since_.size()) >= since_;
    }

    Status read_one_state(const fs::path& folder) {
        auto state = ManifestLog::read(folder);
        if (!state.ok() && state.error().code == Errc::malformed) {
            listing_.problems.push_back(
                (folder / "manifest").string() + ": " + state.error().message
            );
            return {};
        }
        if (!state.ok()) return std::move(state).error();
        if (*state) open_.push_back(**std::move(state));
        return {};
    }

    Status read(const std::string& name) {
        PS_TRY(const std::string text, reader_.read(name, kManifestBytesMax));
        auto manifest = decode_manifest(text);
        const std::string digest = hex(sha256(text));
        seen_[name] = digest;
        if (!manifest.ok()) {
            listing_.problems.push_back(name + ": " + manifest.error().message);
            return {};
        }
        listing_.manifests.push_back({{name, digest}, *std::move(manifest)});
        return {};
    }

    Status look_behind(std::size_t i) {
        const FoundManifest& found = listing_.manifests[i];  // dies with the next one read
        const ManifestLink previous = found.manifest.previous;
        const std::string by = found.link.name;
        return follow(previous, by);
    }

    Status follow(const ManifestLink& link, const std::string& named_by) {
        if (link.name.empty() || !is_meant(link.name)) return {};
        if (!seen_.contains(link.name)) {
            const Status found = read(link.name);
            if (!found.ok() && found.error().code != Errc::not_found) return found;
            if (!found.ok()) {
                seen_[link.name] = link.sha256;  // told once
                listing_.problems.push_back(
                    fmt::format("{}: is missing ({} names it)", link.name, named_by)
                );
            }
        }
        if (seen_[link.name] != link.sha256)
            listing_.problems.push_back(
                fmt::format("{}: was changed since {} was written", link.name, named_by)
            );
        return {};
    }

    ObjectReader& reader_;
    const std::string folder_;
    const std::string since_;
    ArchiveListing listing_;
    std::vector<Manifest> open_;
    std::map<std::string, std::string> seen_;  // digests by name
};

}  // namespace

Result<ArchiveListing> list_archive(ObjectReader& reader, const ArchiveScope& scope) {
    Lister lister(reader, scope);
    // The state first: what it no longer holds by then, the store has.
    PS_CHECK(lister.read_state(scope.state_dir));
    PS_CHECK(lister.read_store());
    return lister.finish();
}

}  // namespace penstock::sinks
