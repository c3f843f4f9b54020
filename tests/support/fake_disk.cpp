#include "support/fake_disk.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <utility>

namespace penstock::test {

namespace {

constexpr std::size_t kSector = 512;

void overlay(std::vector<std::byte>& to, std::span<const std::byte> bytes, std::uint64_t offset) {
    if (bytes.empty()) return;
    if (to.size() < offset + bytes.size()) to.resize(offset + bytes.size());
    std::memcpy(to.data() + offset, bytes.data(), bytes.size());
}

std::vector<std::byte> joined(ByteSpans parts) {
    std::vector<std::byte> bytes;
    for (const auto part : parts)
        bytes.insert(bytes.end(), part.begin(), part.end());
    return bytes;
}

Error dead() {
    return {Errc::io, "the power was cut"};
}

}  // namespace

struct FakeDisk::Inode {
    struct Pending {
        std::uint64_t offset = 0;
        std::vector<std::byte> bytes;
        std::optional<std::uint64_t> resize;
    };
    std::vector<std::byte> cached;   // what a read brings
    std::vector<std::byte> durable;  // what a power cut leaves
    std::vector<Pending> pending;    // the difference, in order
    bool sync_failed = false;
};

struct FakeDisk::NameChange {
    std::string from;  // renamed or removed; empty: made
    std::string to;    // empty: removed
    std::shared_ptr<Inode> inode;
};

class FakeDisk::File final : public DiskFile {
public:
    File(FakeDisk& disk, std::shared_ptr<Inode> inode, OpenMode mode)
        : disk_(disk), inode_(std::move(inode)), mode_(mode), life_(disk.life_) {}

    Result<std::size_t> read(std::span<std::byte> out, std::uint64_t offset) override {
        const std::lock_guard lock(disk_.mutex_);
        if (life_ != disk_.life_) return dead();
        if (auto error = disk_.fault(Call::read, "read")) return *error;
        const auto& bytes = inode_->cached;
        if (offset >= bytes.size()) return std::size_t{0};
        const std::size_t n = std::min<std::size_t>(out.size(), bytes.size() - offset);
        std::memcpy(out.data(), bytes.data() + offset, n);
        return n;
    }

    Status write(ByteSpans parts, std::uint64_t offset) override {
        const std::lock_guard lock(disk_.mutex_);
        if (life_ != disk_.life_) return dead();
        if (mode_ == OpenMode::read) return Error{Errc::io, "opened for reading"};
        auto bytes = joined(parts);
        if (auto error = disk_.fault(Call::write, "write")) {
            // Half of it may have arrived.
            bytes.resize(bytes.size() / 2);
            overlay(inode_->cached, bytes, offset);
            inode_->pending.push_back({offset, std::move(bytes), {}});
            return *error;
        }
        if (Status room = disk_.grow_check(*inode_, offset + bytes.size()); !room.ok()) return room;
        overlay(inode_->cached, bytes, offset);
        inode_->pending.push_back({offset, std::move(bytes), {}});
        return {};
    }

    Status sync() override {
        const std::lock_guard lock(disk_.mutex_);
        if (life_ != disk_.life_) return dead();
        if (inode_->sync_failed) ++disk_.syncs_after_failure_;
        if (auto error = disk_.fault(Call::sync, "sync")) {
            // The kernel marks the pages clean: the data is in the cache, not on disk, and nobody
            // will write it again.
            inode_->pending.clear();
            inode_->sync_failed = true;
            return *error;
        }
        // Only what counts as dirty is written: what a failed sync dropped stays in the cache
        // alone.
        for (const Inode::Pending& pending : std::exchange(inode_->pending, {})) {
            if (pending.resize) inode_->durable.resize(*pending.resize);
            overlay(inode_->durable, pending.bytes, pending.offset);
        }
        return {};
    }

    Result<std::uint64_t> size() override {
        const std::lock_guard lock(disk_.mutex_);
        if (life_ != disk_.life_) return dead();
        return std::uint64_t{inode_->cached.size()};
    }

    Status resize(std::uint64_t size) override {
        const std::lock_guard lock(disk_.mutex_);
        if (life_ != disk_.life_) return dead();
        if (auto error = disk_.fault(Call::resize, "resize")) return *error;
        if (Status room = disk_.grow_check(*inode_, size); !room.ok()) return room;
        inode_->cached.resize(size);
        inode_->pending.push_back({0, {}, size});
        return {};
    }

    void drop_cache() noexcept override {}
    int native_handle() const noexcept override { return -1; }

private:
    friend class Queue;
    FakeDisk& disk_;
    std::shared_ptr<Inode> inode_;
    OpenMode mode_;
    std::uint64_t life_;
};

class FakeDisk::Queue final : public WriteQueue {
public:
    Queue(FakeDisk& disk, std::size_t depth) : disk_(disk), depth_(depth), life_(disk.life_) {
        disk_.queues_.push_back(this);
    }
    ~Queue() override {
        const std::lock_guard lock(disk_.mutex_);
        std::erase(disk_.queues_, this);
    }
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    void submit(DiskFile& file, ByteSpans parts, std::uint64_t offset, std::uint64_t token)
        override {
        const std::lock_guard lock(disk_.mutex_);
        auto& ours = dynamic_cast<File&>(file);
        const bool bad = ours.mode_ != OpenMode::direct || offset % 4096 != 0;
        flying_.push_back(
            {token, ours.inode_, offset, joined(parts), bad || ours.life_ != disk_.life_}
        );
    }

    // Some of what flies lands, in any order.
    Status reap(std::vector<Done>& done, Nanoseconds) override {
        const std::lock_guard lock(disk_.mutex_);
        if (life_ != disk_.life_) return dead();
        for (bool more = !flying_.empty(); more;) {
            const std::size_t i = disk_.random_() % flying_.size();
            land(flying_[i], done);
            flying_.erase(flying_.begin() + static_cast<std::ptrdiff_t>(i));
            more = !flying_.empty() && disk_.random_() % 2 == 0;
        }
        return {};
    }

    void wake() noexcept override {}
    std::size_t in_flight() const noexcept override { return flying_.size(); }
    std::size_t depth() const noexcept override { return depth_; }
    OpenMode file_mode() const noexcept override { return OpenMode::direct; }

    void crash(Cut cut) {
        for (Flight& flight : flying_) {
            disk_.apply_torn(flight.inode->durable, flight.bytes, flight.offset, cut);
        }
        flying_.clear();
    }

private:
    struct Flight {
        std::uint64_t token = 0;
        std::shared_ptr<Inode> inode;
        std::uint64_t offset = 0;
        std::vector<std::byte> bytes;
        bool bad = false;
    };

    void land(Flight& flight, std::vector<Done>& done) {
        auto error = disk_.fault(Call::completion, "completion");
        if (flight.bad && !error) error = Error{Errc::io, "not opened for direct writes"};
        if (error) {
            disk_.apply_torn(flight.inode->durable, flight.bytes, flight.offset, Cut::random);
            done.push_back({flight.token, *error});
            return;
        }
        overlay(flight.inode->cached, flight.bytes, flight.offset);
        overlay(flight.inode->durable, flight.bytes, flight.offset);
        done.push_back({flight.token, {}});
    }

    FakeDisk& disk_;
    std::size_t depth_;
    std::uint64_t life_;
    std::vector<Flight> flying_;
};

class FakeDisk::Lock final : public DiskLock {
public:
    Lock(FakeDisk& disk, std::string path)
        : disk_(disk), path_(std::move(path)), life_(disk.life_) {}
    ~Lock() override {
        const std::lock_guard lock(disk_.mutex_);
        const auto held = disk_.locks_.find(path_);
        if (held != disk_.locks_.end() && held->second == life_) disk_.locks_.erase(held);
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

private:
    FakeDisk& disk_;
    std::string path_;
    std::uint64_t life_;
};

FakeDisk::FakeDisk(std::uint64_t seed) : random_(seed) {
    directories_["/"] = true;
}
FakeDisk::~FakeDisk() = default;

// ---- faults -------------------------------------------------------------------------------------

void FakeDisk::fail(Call call, std::uint64_t k, Errc code) {
    const std::lock_guard lock(mutex_);
    const auto i = static_cast<std::size_t>(call);
    fail_at_[i] = calls_[i] + k;
    fail_code_ = code;
}

void FakeDisk::fail_any(std::uint64_t k, Errc code) {
    fail(Call::count, k, code);
}

void FakeDisk::heal() {
    const std::lock_guard lock(mutex_);
    fail_at_.fill(0);
}

std::uint64_t FakeDisk::calls(Call call) const {
    const std::lock_guard lock(mutex_);
    return calls_[static_cast<std::size_t>(call)];
}

std::uint64_t FakeDisk::syncs_after_failure() const {
    const std::lock_guard lock(mutex_);
    return syncs_after_failure_;
}

std::optional<Error> FakeDisk::fault(Call call, const std::string& what) {
    const auto hit = [&](Call counter) {
        const auto i = static_cast<std::size_t>(counter);
        return ++calls_[i] == fail_at_[i];
    };
    bool failed = hit(call);
    if (call != Call::read && call != Call::open) failed |= hit(Call::count);
    if (!failed) return {};
    return Error{fail_code_, what + ": told to fail"};
}

void FakeDisk::set_capacity(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    capacity_ = bytes;
}

void FakeDisk::set_async(bool offered) {
    async_ = offered;
}

std::uint64_t FakeDisk::used() const {
    const std::lock_guard lock(mutex_);
    return used_locked();
}

std::uint64_t FakeDisk::used_locked() const {
    std::set<const Inode*> counted;
    std::uint64_t sum = 0;
    for (const auto& [name, inode] : names_) {
        if (counted.insert(inode.get()).second) sum += inode->cached.size();
    }
    return sum;
}

Status FakeDisk::grow_check(const Inode& inode, std::uint64_t size) const {
    if (size <= inode.cached.size()) return {};
    if (used_locked() + size - inode.cached.size() <= capacity_) return {};
    return Error{Errc::full, "no space left"};
}

// ---- power --------------------------------------------------------------------------------------

void FakeDisk::apply_torn(
    std::vector<std::byte>& to, std::span<const std::byte> bytes, std::uint64_t offset, Cut cut
) {
    if (cut == Cut::drop) return;
    if (cut == Cut::keep || random_() % 3 == 0) return overlay(to, bytes, offset);
    if (random_() % 2 == 0) return;
    for (std::size_t at = 0; at < bytes.size(); at += kSector) {
        const auto sector = bytes.subspan(at, std::min(kSector, bytes.size() - at));
        if (random_() % 2 == 0) overlay(to, sector, offset + at);
    }
}

void FakeDisk::cut(Cut cut) {
    const std::lock_guard lock(mutex_);
    ++life_;
    locks_.clear();
    for (Queue* const queue : queues_)
        queue->crash(cut);
    queues_.clear();
    for (const Names* const map : {&names_, &durable_names_}) {
        for (const auto& [name, inode] : *map) {
            for (const Inode::Pending& pending : std::exchange(inode->pending, {})) {
                if (pending.resize) {
                    if (cut == Cut::keep || (cut == Cut::random && random_() % 2 == 0)) {
                        inode->durable.resize(*pending.resize);
                    }
                } else {
                    apply_torn(inode->durable, pending.bytes, pending.offset, cut);
                }
            }
            inode->cached = inode->durable;
            inode->sync_failed = false;
        }
    }
    std::size_t kept = 0;
    if (cut == Cut::keep) kept = changes_.size();
    if (cut == Cut::random && !changes_.empty()) kept = random_() % (changes_.size() + 1);
    for (std::size_t i = 0; i < kept; ++i) {
        if (!changes_[i].from.empty()) durable_names_.erase(changes_[i].from);
        if (!changes_[i].to.empty()) durable_names_[changes_[i].to] = changes_[i].inode;
    }
    changes_.clear();
    names_ = durable_names_;
}

// ---- looking inside -----------------------------------------------------------------------------

std::vector<std::byte> FakeDisk::contents(const Path& path) const {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(path.string());
    return found == names_.end() ? std::vector<std::byte>{} : found->second->cached;
}

void FakeDisk::put(const Path& path, std::vector<std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    auto inode = std::make_shared<Inode>();
    inode->cached = bytes;
    inode->durable = std::move(bytes);
    names_[path.string()] = inode;
    durable_names_[path.string()] = inode;
}

std::vector<std::string> FakeDisk::names(const Path& directory) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> found;
    for (const auto& [name, inode] : names_) {
        if (Path(name).parent_path() == directory) found.push_back(Path(name).filename().string());
    }
    return found;
}

bool FakeDisk::exists(const Path& path) const {
    const std::lock_guard lock(mutex_);
    return names_.contains(path.string());
}

// ---- Disk ---------------------------------------------------------------------------------------

Result<DiskFilePtr> FakeDisk::open(const Path& path, OpenMode mode) {
    const std::lock_guard lock(mutex_);
    if (auto error = fault(Call::open, "open " + path.string())) return *error;
    const std::string name = path.string();
    const auto found = names_.find(name);
    if (mode == OpenMode::create) {
        if (found != names_.end()) return Error{Errc::conflict, name + " exists"};
        auto inode = std::make_shared<Inode>();
        names_[name] = inode;
        changes_.push_back({{}, name, inode});
        return DiskFilePtr(std::make_shared<File>(*this, inode, mode));
    }
    if (found == names_.end()) return Error{Errc::not_found, name + " does not exist"};
    return DiskFilePtr(std::make_shared<File>(*this, found->second, mode));
}

Status FakeDisk::rename(const Path& from, const Path& to) {
    const std::lock_guard lock(mutex_);
    if (auto error = fault(Call::rename, "rename " + from.string())) return *error;
    const auto found = names_.find(from.string());
    if (found == names_.end()) return Error{Errc::not_found, from.string() + " does not exist"};
    auto inode = found->second;
    names_.erase(found);
    names_[to.string()] = inode;
    changes_.push_back({from.string(), to.string(), inode});
    return {};
}

Status FakeDisk::remove(const Path& path) {
    const std::lock_guard lock(mutex_);
    if (auto error = fault(Call::remove, "remove " + path.string())) return *error;
    if (names_.erase(path.string()) == 0) {
        return Error{Errc::not_found, path.string() + " does not exist"};
    }
    changes_.push_back({path.string(), {}, nullptr});
    return {};
}

Status FakeDisk::sync_directory(const Path& path) {
    const std::lock_guard lock(mutex_);
    if (auto error = fault(Call::sync_directory, "sync of " + path.string())) return *error;
    std::erase_if(changes_, [&](const NameChange& change) {
        const Path name = change.to.empty() ? change.from : change.to;
        if (name.parent_path() != path) return false;
        if (!change.from.empty()) durable_names_.erase(change.from);
        if (!change.to.empty()) durable_names_[change.to] = change.inode;
        return true;
    });
    return {};
}

Status FakeDisk::make_directory(const Path& path) {
    const std::lock_guard lock(mutex_);
    for (Path up = path; !up.empty() && up != up.parent_path(); up = up.parent_path()) {
        directories_[up.string()] = true;
    }
    return {};
}

Result<std::vector<DiskEntry>> FakeDisk::list(const Path& path) {
    const std::lock_guard lock(mutex_);
    if (!directories_.contains(path.string())) {
        return Error{Errc::not_found, path.string() + " does not exist"};
    }
    std::vector<DiskEntry> entries;
    for (const auto& [name, inode] : names_) {
        if (Path(name).parent_path() != path) continue;
        entries.push_back({Path(name).filename().string(), inode->cached.size(), true});
    }
    for (const auto& [name, present] : directories_) {
        if (Path(name).parent_path() == path && name != "/") {
            entries.push_back({Path(name).filename().string(), 0, false});
        }
    }
    std::ranges::sort(entries, {}, &DiskEntry::name);
    return entries;
}

Result<DiskSpace> FakeDisk::space(const Path&) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t used = used_locked();
    return DiskSpace{capacity_, capacity_ > used ? capacity_ - used : 0};
}

Result<std::unique_ptr<DiskLock>> FakeDisk::lock(const Path& path) {
    const std::lock_guard lock(mutex_);
    if (locks_.contains(path.string())) {
        return Error{Errc::conflict, path.string() + " is held by another process"};
    }
    locks_[path.string()] = life_;
    return std::unique_ptr<DiskLock>(std::make_unique<Lock>(*this, path.string()));
}

Result<std::unique_ptr<WriteQueue>> FakeDisk::write_queue(std::size_t depth) {
    const std::lock_guard lock(mutex_);
    if (!async_) return Error{Errc::unsupported, "no ring here"};
    return std::unique_ptr<WriteQueue>(std::make_unique<Queue>(*this, depth));
}

}  // namespace penstock::test
