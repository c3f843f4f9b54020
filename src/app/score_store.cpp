#include "app/score_store.h"

#include "base/crc32c.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

namespace penstock::app {
namespace {

constexpr std::string_view kMagic = "PSSCORE1";
constexpr std::string_view kPrefix = "checkpoint-";
constexpr std::string_view kSuffix = ".state";

template <class T>
void put(std::string& out, T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out.append(bytes, sizeof value);
}

/// Reads in order; turns sour at the first read beyond the end.
/// Threads: one.
class Reader {
public:
    explicit Reader(std::string_view bytes) : left_(bytes) {}

    template <class T>
    T get() {
        T value{};
        const auto bytes = take(sizeof value);
        if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
        return value;
    }
    std::string_view take(std::uint64_t size) {
        if (size > left_.size()) {
            sour_ = true;
            size = left_.size();
        }
        const auto out = left_.substr(0, size);
        left_.remove_prefix(size);
        return out;
    }
    [[nodiscard]] bool sour() const noexcept { return sour_; }
    [[nodiscard]] bool empty() const noexcept { return left_.empty(); }

private:
    std::string_view left_;
    bool sour_ = false;
};

std::uint32_t checksum(std::string_view bytes) {
    return crc32c(std::as_bytes(std::span(bytes)));
}

std::uint64_t number_of(std::string_view name) {
    name.remove_prefix(kPrefix.size());
    name.remove_suffix(kSuffix.size());
    return text::parse_uint(name).value_or(0);
}

}  // namespace

ScoreStore::ScoreStore(std::filesystem::path directory, const JournalId& journal)
    : directory_(std::move(directory)), journal_(journal) {}

Result<std::vector<std::string>> ScoreStore::files() const {
    PS_TRY(auto names, files::list(directory_));
    std::erase_if(names, [](const std::string& name) {
        return !name.starts_with(kPrefix) || !name.ends_with(kSuffix) || number_of(name) == 0;
    });
    std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) {
        return number_of(a) < number_of(b);
    });
    return names;
}

Result<ScoreStore::Parsed> ScoreStore::read(const std::filesystem::path& path) const {
    PS_TRY(const auto bytes, files::read(path, kFileBytesMax));
    if (bytes.size() < kMagic.size() + sizeof(std::uint32_t))
        return Error{Errc::corrupt, "too short"};
    const auto body = std::string_view(bytes).substr(0, bytes.size() - sizeof(std::uint32_t));
    Reader tail(std::string_view(bytes).substr(body.size()));
    if (tail.get<std::uint32_t>() != checksum(body))
        return Error{Errc::corrupt, "its checksum is wrong"};

    Reader in(body);
    if (in.take(kMagic.size()) != kMagic) return Error{Errc::unsupported, "of another version"};
    JournalId id;
    const auto id_bytes = in.take(id.bytes.size());
    if (id_bytes.size() == id.bytes.size())
        std::memcpy(id.bytes.data(), id_bytes.data(), id_bytes.size());
    if (id != journal_) return Error{Errc::conflict, "of another journal"};
    Parsed parsed;
    parsed.full = in.get<std::uint32_t>() != 0;
    const auto count = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < count && !in.sour(); ++i) {
        ScoreSnapshot shard;
        shard.lsn = {in.get<std::uint64_t>()};
        const auto size = in.get<std::uint64_t>();
        shard.states = in.take(size);
        parsed.shards.push_back(std::move(shard));
    }
    if (in.sour() || !in.empty() || parsed.shards.empty())
        return Error{Errc::corrupt, "its sizes contradict each other"};
    return parsed;
}

Result<Lsn> ScoreStore::load(const Take& take) {
    PS_CHECK(files::make_private_directory(directory_));
    PS_TRY(const auto names, files());
    Lsn covered;
    for (const auto& name : names) {
        next_ = number_of(name) + 1;
        auto parsed = read(directory_ / name);
        if (!parsed) {
            log::warn(
                "score checkpoint left out", {{"file", name}, {"reason", parsed.error().message}}
            );
            // Without it the changes that follow have a hole: what they cover is not known.
            changes_ = 0;
            covered = {};
            continue;
        }
        if (parsed->full) {
            changes_ = 1;
        } else if (changes_ == 0) {
            continue;
        } else {
            ++changes_;
        }
        covered = parsed->shards.front().lsn;
        for (const auto& shard : parsed->shards) {
            covered = std::min(covered, shard.lsn);
            take(shard);
        }
    }
    return covered;
}

Status ScoreStore::save(const std::vector<ScoreSnapshot>& shards, bool full) {
    std::string out(kMagic);
    for (const auto byte : journal_.bytes)
        out += static_cast<char>(byte);
    put(out, std::uint32_t{full ? 1U : 0U});
    put(out, static_cast<std::uint32_t>(shards.size()));
    for (const auto& shard : shards) {
        put(out, shard.lsn.value);
        put(out, std::uint64_t{shard.states.size()});
        out += shard.states;
    }
    put(out, checksum(out));

    PS_TRY(const auto before, files());
    PS_CHECK(
        files::write_durably(directory_ / fmt::format("{}{:020}{}", kPrefix, next_, kSuffix), out)
    );
    ++next_;
    changes_ = full ? 1 : changes_ + 1;
    if (!full) return {};
    for (const auto& name : before)
        PS_CHECK(files::remove(directory_ / name));
    return {};
}

}  // namespace penstock::app
