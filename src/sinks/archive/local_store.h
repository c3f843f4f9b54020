#pragma once

#include "sinks/archive/store.h"

#include <deque>
#include <filesystem>

namespace penstock::sinks {

/// A folder. An object is written to a temporary file, made durable (fdatasync), given its name
/// only if there is none (rename without replacing), and the folders' entries are made durable; a
/// file of that name with the same bytes counts as done. Files are 0600, folders 0700. Temporary
/// files stand in one folder of this sink and are removed at the start. Threads: owner.
class LocalStore final : public Store {
public:
    /// `owner` tells this sink's temporary files from those of others: journal id and sink id.
    LocalStore(std::filesystem::path directory, const std::string& owner);

    void begin(const ArchiveObject& object, bool again) override;
    [[nodiscard]] bool room() const noexcept override { return waiting_.size() < 4; }
    [[nodiscard]] StoreProgress poll(Nanoseconds wait) override;
    void cancel() override { waiting_.clear(); }
    [[nodiscard]] Status probe(Nanoseconds bound) override;

private:
    [[nodiscard]] Status prepare();
    [[nodiscard]] Status put(const ArchiveObject& object, bool& conflict);
    [[nodiscard]] Status write_temporary(const std::filesystem::path& path, std::string_view bytes);

    std::filesystem::path directory_;
    std::filesystem::path temporary_;
    std::deque<const ArchiveObject*> waiting_;
    std::filesystem::path made_;  // the last folder that was made durable
    bool prepared_ = false;
};

}  // namespace penstock::sinks
