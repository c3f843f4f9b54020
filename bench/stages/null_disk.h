#pragma once

#include "penstock/disk.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace penstock::stages {

/// A disk that takes everything at once and keeps names and sizes only: what is left of a commit is
/// Penstock's own work. Files read as zeros.
/// Threads: any.
class NullDisk final : public Disk {
public:
    Result<DiskFilePtr> open(const Path& path, OpenMode mode) override {
        const std::lock_guard lock(mutex_);
        auto& size = files_[path.string()];
        if (size == nullptr) {
            if (mode != OpenMode::create) {
                files_.erase(path.string());
                return Error{Errc::not_found, "no such file: " + path.string()};
            }
            size = std::make_shared<std::atomic<std::uint64_t>>(0);
        } else if (mode == OpenMode::create) {
            return Error{Errc::conflict, "exists already: " + path.string()};
        }
        return DiskFilePtr(std::make_shared<File>(size));
    }
    Status rename(const Path& from, const Path& to) override {
        const std::lock_guard lock(mutex_);
        files_[to.string()] = files_[from.string()];
        files_.erase(from.string());
        return {};
    }
    Status remove(const Path& path) override {
        const std::lock_guard lock(mutex_);
        files_.erase(path.string());
        return {};
    }
    Status sync_directory(const Path& /*path*/) override { return {}; }
    Status make_directory(const Path& /*path*/) override { return {}; }
    Result<std::vector<DiskEntry>> list(const Path& path) override {
        const std::lock_guard lock(mutex_);
        std::vector<DiskEntry> entries;
        for (const auto& [name, size] : files_) {
            if (const Path file(name); file.parent_path() == path)
                entries.push_back({file.filename().string(), *size, true});
        }
        return entries;
    }
    Result<DiskSpace> space(const Path& /*path*/) override {
        return DiskSpace{std::uint64_t{1} << 40U, std::uint64_t{1} << 40U};
    }
    Result<std::unique_ptr<DiskLock>> lock(const Path& /*path*/) override {
        return std::make_unique<DiskLock>();
    }
    Result<std::unique_ptr<WriteQueue>> write_queue(std::size_t /*depth*/) override {
        return Error{Errc::unsupported, "writes go nowhere"};
    }

private:
    using Size = std::shared_ptr<std::atomic<std::uint64_t>>;

    class File final : public DiskFile {
    public:
        explicit File(Size size) : size_(std::move(size)) {}
        using DiskFile::write;
        Result<std::size_t> read(std::span<std::byte> out, std::uint64_t offset) override {
            const std::uint64_t size = *size_;
            const std::size_t got = offset >= size ? 0 : std::min(out.size(), size - offset);
            std::memset(out.data(), 0, got);
            return got;
        }
        Status write(ByteSpans parts, std::uint64_t offset) override {
            for (const auto part : parts)
                offset += part.size();
            *size_ = std::max<std::uint64_t>(*size_, offset);
            return {};
        }
        Status sync() override { return {}; }
        Result<std::uint64_t> size() override { return size_->load(); }
        Status resize(std::uint64_t size) override {
            *size_ = size;
            return {};
        }
        void drop_cache() noexcept override {}
        [[nodiscard]] int native_handle() const noexcept override { return -1; }

    private:
        Size size_;
    };

    std::mutex mutex_;  // guards files_
    std::map<std::string, Size> files_;
};

}  // namespace penstock::stages
