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
        const auto struck = disk_.strike(Call::read, "read");
        if (struck && struck->fault != Fault::flip) return struck->error;
        const auto& bytes = inode_->cached;
        if (offset >= bytes.size()) return std::size_t{0};
        const std::size_t n = std::min<std::size_t>(out.size(), bytes.size() - offset);
        std::memcpy(out.data(), bytes.data() + offset, n);
        if (struck) disk_.flip_bit(out.first(n));
        return n;
    }

    Status write(ByteSpans parts, std::uint64_t offset) override {
        const std::lock_guard lock(disk_.mutex_);
        if (life_ != disk_.life_) return dead();
        if (mode_ == OpenMode::read) return Error{Errc::io, "opened for reading"};
        auto bytes = joined(parts);
        const auto struck = disk_.strike(Call::write, "write");
        if (!struck || struck->fault == Fault::late) {
            Status room = disk_.grow_check(*inode_, offset + bytes.size());
            if (!room.ok()) return room;
        }
        for (auto& [at, piece] : disk_.damaged(struck, *inode_, offset, std::move(bytes))) {
            overlay(inode_->cached, piece, at);
            inode_->pending.push_back({at, std::move(piece), {}});
        }
        return disk_.finish(struck);
    }

    Status sync() override {
        const std::lock_guard lock(disk_.mutex_);
        if (life_ != disk_.life_) return dead();
        if (inode_->sync_failed) ++disk_.syncs_after_failure_;
        const auto struck = disk_.strike(Call::sync, "sync");
        if (fails_before(struck)) {
            // The kernel marks the pages clean: the data is in the cache, not on disk, and nobody
            // will write it again.
            inode_->pending.clear();
            inode_->sync_failed = true;
            return struck->error;
        }
        // Only what counts as dirty is written: what a failed sync dropped stays in the cache
        // alone.
        for (const Inode::Pending& pending : std::exchange(inode_->pending, {})) {
            if (pending.resize) inode_->durable.resize(*pending.resize);
            overlay(inode_->durable, pending.bytes, pending.offset);
        }
        inode_->sync_failed = inode_->sync_failed || struck;
        return disk_.finish(struck);
    }

    Result<std::uint64_t> size() override {
        const std::lock_guard lock(disk_.mutex_);
        if (life_ != disk_.life_) return dead();
        return std::uint64_t{inode_->cached.size()};
    }

    Status resize(std::uint64_t size) override {
        const std::lock_guard lock(disk_.mutex_);
        if (life_ != disk_.life_) return dead();
        const auto struck = disk_.strike(Call::resize, "resize");
        if (fails_before(struck)) return struck->error;
        if (Status room = disk_.grow_check(*inode_, size); !room.ok()) return room;
        inode_->cached.resize(size);
        inode_->pending.push_back({0, {}, size});
        return disk_.finish(struck);
    }

    // What a failed sync left in the cache alone is gone with it; what is dirty stays.
    void drop_cache() noexcept override {
        const std::lock_guard lock(disk_.mutex_);
        if (life_ != disk_.life_) return;
        inode_->cached = inode_->durable;
        for (const Inode::Pending& pending : inode_->pending) {
            if (pending.resize) inode_->cached.resize(*pending.resize);
            overlay(inode_->cached, pending.bytes, pending.offset);
        }
    }
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

    // Some of what flies lands, in any order; now and then nothing does, to who does not wait.
    Status reap(std::vector<Done>& done, Nanoseconds wait) override {
        const std::lock_guard lock(disk_.mutex_);
        if (life_ != disk_.life_) return dead();
        const bool lands = wait > 0 || disk_.random_() % 4 != 0;
        for (bool more = lands && !flying_.empty(); more;) {
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
        auto struck = disk_.strike(Call::completion, "completion");
        if (flight.bad) struck = Strike{Fault::torn, {Errc::io, "not opened for direct writes"}};
        if (struck && struck->fault == Fault::error) struck->fault = Fault::torn;
        Inode& inode = *flight.inode;
        for (auto& [at, piece] :
             disk_.damaged(struck, inode, flight.offset, std::move(flight.bytes))) {
            overlay(inode.cached, piece, at);
            overlay(inode.durable, piece, at);
        }
        done.push_back({flight.token, disk_.finish(struck)});
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

void FakeDisk::fail(Call call, std::uint64_t k, Errc code, Fault fault) {
    const std::lock_guard lock(mutex_);
    const auto i = static_cast<std::size_t>(call);
    fail_at_[i] = calls_[i] + k;
    fail_code_ = code;
    fail_fault_ = fault;
    struck_ = false;
}

void FakeDisk::fail_any(std::uint64_t k, Errc code) {
    fail(Call::count, k, code);
}

void FakeDisk::heal() {
    const std::lock_guard lock(mutex_);
    fail_at_.fill(0);
}

bool FakeDisk::struck() const {
    const std::lock_guard lock(mutex_);
    return struck_;
}

std::uint64_t FakeDisk::calls(Call call) const {
    const std::lock_guard lock(mutex_);
    return calls_[static_cast<std::size_t>(call)];
}

std::uint64_t FakeDisk::syncs_after_failure() const {
    const std::lock_guard lock(mutex_);
    return syncs_after_failure_;
}

std::optional<FakeDisk::Strike> FakeDisk::strike(Call call, const std::string& what) {
    const auto hit = [&](Call counter) {
        const auto i = static_cast<std::size_t>(counter);
        return ++calls_[i] == fail_at_[i];
    };
    bool failed = hit(call);
    const bool changes = call != Call::read && call != Call::open && call != Call::list &&
                         call != Call::space && call != Call::lock;
    if (changes) failed |= hit(Call::count);
    if (!failed) return {};
    struck_ = true;
    return Strike{fail_fault_, {fail_code_, what + ": told to fail"}};
}

bool FakeDisk::fails_before(const std::optional<Strike>& struck) {
    return struck && struck->fault != Fault::late;
}

Status FakeDisk::finish(const std::optional<Strike>& struck) {
    if (!struck || struck->fault >= Fault::flip) return {};
    return struck->error;
}

/// What of a write arrives where.
FakeDisk::Pieces FakeDisk::damaged(
    const std::optional<Strike>& struck,
    const Inode& inode,
    std::uint64_t offset,
    std::vector<std::byte> bytes
) {
    constexpr std::uint64_t kBlock = 4096;
    Pieces pieces;
    const Fault fault = struck ? struck->fault : Fault::late;
    switch (fault) {
        case Fault::lost:
            break;
        case Fault::torn:
            for (std::size_t at = 0; at < bytes.size(); at += kSector) {
                if (random_() % 2 == 0) continue;
                const auto sector =
                    std::span(bytes).subspan(at).first(std::min(kSector, bytes.size() - at));
                pieces.emplace_back(offset + at, std::vector(sector.begin(), sector.end()));
            }
            break;
        case Fault::error:
            bytes.resize(bytes.size() / 2);
            pieces.emplace_back(offset, std::move(bytes));
            break;
        case Fault::flip:
            flip_bit(bytes);
            pieces.emplace_back(offset, std::move(bytes));
            break;
        case Fault::misdirect:
            offset = random_() % (inode.cached.size() / kBlock + 1) * kBlock;
            pieces.emplace_back(offset, std::move(bytes));
            break;
        case Fault::late:
            pieces.emplace_back(offset, std::move(bytes));
            break;
    }
    return pieces;
}

void FakeDisk::flip_bit(std::span<std::byte> bytes) {
    if (bytes.empty()) return;
    bytes[random_() % bytes.size()] ^= static_cast<std::byte>(1U << (random_() % 8));
}

void FakeDisk::begin_process() {
    const std::lock_guard lock(mutex_);
    for (const Names* const map : {&names_, &durable_names_}) {
        for (const auto& [name, inode] : *map)
            inode->sync_failed = false;
    }
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
    settle_inodes(cut);
    settle_names(cut);
}

void FakeDisk::settle_inodes(Cut cut) {
    std::vector<Inode*> inodes;  // in the order of names: a seed replays
    const auto add = [&](const std::shared_ptr<Inode>& inode) {
        if (inode && std::ranges::find(inodes, inode.get()) == inodes.end()) {
            inodes.push_back(inode.get());
        }
    };
    for (const Names* const map : {&names_, &durable_names_}) {
        for (const auto& [name, inode] : *map)
            add(inode);
    }
    for (const NameChange& change : changes_)
        add(change.inode);
    for (Inode* const inode : inodes) {
        for (const Inode::Pending& pending : std::exchange(inode->pending, {})) {
            if (!pending.resize) {
                apply_torn(inode->durable, pending.bytes, pending.offset, cut);
            } else if (cut == Cut::keep || (cut != Cut::drop && random_() % 2 == 0)) {
                inode->durable.resize(*pending.resize);
            }
        }
        inode->cached = inode->durable;
        inode->sync_failed = false;
    }
}

void FakeDisk::settle_names(Cut cut) {
    std::size_t ordered = 0;
    if (cut == Cut::keep) ordered = changes_.size();
    if (cut == Cut::random && !changes_.empty()) ordered = random_() % (changes_.size() + 1);
    for (std::size_t i = 0; i < changes_.size(); ++i) {
        const bool kept = cut == Cut::chaos ? random_() % 2 == 0 : i < ordered;
        if (!kept) continue;
        if (!changes_[i].from.empty()) durable_names_.erase(changes_[i].from);
        if (!changes_[i].to.empty()) durable_names_[changes_[i].to] = changes_[i].inode;
    }
    changes_.clear();
    names_ = durable_names_;
    std::erase_if(directories_, [&](const auto& directory) {
        const bool gone =
            !directory.second && cut != Cut::keep && (cut == Cut::drop || random_() % 2 == 0);
        if (gone) forget_below(directory.first);
        return gone;
    });
}

/// A folder that is lost takes along what is in it.
void FakeDisk::forget_below(const std::string& directory) {
    const auto below = [&](const auto& entry) { return entry.first.starts_with(directory + "/"); };
    std::erase_if(names_, below);
    std::erase_if(durable_names_, below);
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

FakeDisk::Image FakeDisk::image() const {
    const std::lock_guard lock(mutex_);
    Image image;
    for (const auto& [name, inode] : names_)
        image[name] = inode->cached;
    return image;
}

void FakeDisk::restore(const Image& image) {
    {
        const std::lock_guard lock(mutex_);
        names_.clear();
        durable_names_.clear();
        changes_.clear();
    }
    for (const auto& [name, bytes] : image)
        put(name, bytes);
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
    if (const auto struck = strike(Call::open, "open " + path.string())) return struck->error;
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
    const auto struck = strike(Call::rename, "rename " + from.string());
    if (fails_before(struck)) return struck->error;
    const auto found = names_.find(from.string());
    if (found == names_.end()) return Error{Errc::not_found, from.string() + " does not exist"};
    auto inode = found->second;
    names_.erase(found);
    names_[to.string()] = inode;
    changes_.push_back({from.string(), to.string(), inode});
    return finish(struck);
}

Status FakeDisk::remove(const Path& path) {
    const std::lock_guard lock(mutex_);
    const auto struck = strike(Call::remove, "remove " + path.string());
    if (fails_before(struck)) return struck->error;
    if (names_.erase(path.string()) == 0) {
        return Error{Errc::not_found, path.string() + " does not exist"};
    }
    changes_.push_back({path.string(), {}, nullptr});
    return finish(struck);
}

Status FakeDisk::sync_directory(const Path& path) {
    const std::lock_guard lock(mutex_);
    const auto struck = strike(Call::sync_directory, "sync of " + path.string());
    if (fails_before(struck)) return struck->error;
    std::erase_if(changes_, [&](const NameChange& change) {
        const Path name = change.to.empty() ? change.from : change.to;
        if (name.parent_path() != path) return false;
        if (!change.from.empty()) durable_names_.erase(change.from);
        if (!change.to.empty()) durable_names_[change.to] = change.inode;
        return true;
    });
    return finish(struck);
}

Status FakeDisk::make_directory(const Path& path) {
    const std::lock_guard lock(mutex_);
    const auto struck = strike(Call::make_directory, "make folder " + path.string());
    for (Path up = path; !up.empty() && up != up.parent_path(); up = up.parent_path()) {
        bool& durable = directories_[up.string()];
        durable = durable || !fails_before(struck);
    }
    return finish(struck);
}

Result<std::vector<DiskEntry>> FakeDisk::list(const Path& path) {
    const std::lock_guard lock(mutex_);
    if (const auto struck = strike(Call::list, "list " + path.string())) return struck->error;
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
    if (const auto struck = strike(Call::space, "statvfs")) return struck->error;
    const std::uint64_t used = used_locked();
    return DiskSpace{capacity_, capacity_ > used ? capacity_ - used : 0};
}

Result<std::unique_ptr<DiskLock>> FakeDisk::lock(const Path& path) {
    const std::lock_guard lock(mutex_);
    if (const auto struck = strike(Call::lock, "lock " + path.string())) return struck->error;
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
