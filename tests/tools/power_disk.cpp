/// A disk whose power can be cut: one file, served to the kernel over FUSE, to be loop-mounted with
/// a real file system (scenario/power_cut_test.py; needs root).
///
///     power_disk FILE BYTES [lie]
///
/// Mounts itself over the empty FILE and says `ready`. What is written is kept apart until it is
/// flushed, as in a drive's cache. Commands, a line each on standard input:
///
///     cut SEED   as soon as so many writes wait for a flush as the seed says, or after a second:
///                every request fails, and of the writes that wait, each is kept, dropped, or torn
///                into sectors of 512 bytes
///     up         the power is back: the disk holds what survived
///
/// Ends when standard input does. With `lie`, flushes are acknowledged and not done: what a test
/// must notice.
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t kSector = 512;
constexpr std::size_t kWriteMax = std::size_t{128} << 10U;

[[noreturn]] void die(const std::string& what) {
    std::cerr << "power_disk: " << what << ": " << std::strerror(errno) << '\n';
    std::exit(1);
}

/// Bytes that cost memory only where something was written.
std::span<std::byte> sparse(std::size_t size) {
    void* const memory = ::mmap(
        nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0
    );
    if (memory == MAP_FAILED) die("mmap");
    return {static_cast<std::byte*>(memory), size};
}

/// What the host sees, what would survive, and the writes in between.
class Platter {
public:
    Platter(std::size_t size, bool lies)
        : seen_(sparse(size)), durable_(sparse(size)), lies_(lies) {}

    [[nodiscard]] std::size_t size() const { return seen_.size(); }
    [[nodiscard]] bool on() const { return on_; }

    [[nodiscard]] std::span<const std::byte> read(std::uint64_t offset, std::size_t size) const {
        if (offset >= seen_.size()) return {};
        return seen_.subspan(offset, std::min(size, seen_.size() - offset));
    }

    [[nodiscard]] bool write(std::uint64_t offset, std::span<const std::byte> bytes) {
        if (offset + bytes.size() > seen_.size()) return false;
        put(seen_, offset, bytes);
        cached_.push_back({offset, {bytes.begin(), bytes.end()}});
        return true;
    }

    void flush() {
        if (lies_) return;
        for (const Write& write : cached_)
            put(durable_, write.offset, write.bytes);
        cached_.clear();
    }

    void arm(std::uint64_t seed) {
        seed_ = seed;
        due_ = std::mt19937_64(seed)() % kWaitingMax;
        armed_ = true;
        latest_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    }
    [[nodiscard]] bool armed() const { return armed_; }
    [[nodiscard]] bool cut_due() const {
        return armed_ && (cached_.size() >= due_ || std::chrono::steady_clock::now() >= latest_);
    }

    /// Says what became of what was cached.
    std::string cut() {
        armed_ = false;
        std::mt19937_64 random(seed_ + 1);
        // From a drive that had written nearly everything to one that had written nearly nothing.
        const std::uint64_t kept_of_ten = random() % 11;
        std::array<std::uint64_t, 3> became{};
        for (const Write& write : cached_) {
            const std::size_t fate = random() % 10 < kept_of_ten ? 0 : 1 + random() % 2;
            ++became[fate];
            if (fate == 0) put(durable_, write.offset, write.bytes);
            if (fate == 2) tear(write, random);
        }
        cached_.clear();
        on_ = false;
        return "cut kept " + std::to_string(became[0]) + " dropped " + std::to_string(became[1]) +
               " torn " + std::to_string(became[2]);
    }

    void up() {
        put(seen_, 0, durable_);
        on_ = true;
    }

private:
    struct Write {
        std::uint64_t offset = 0;
        std::vector<std::byte> bytes;
    };

    // Page by page, and only what differs: what was never written stays sparse.
    static void put(
        std::span<std::byte> to, std::uint64_t offset, std::span<const std::byte> bytes
    ) {
        constexpr std::size_t kPage = 4096;
        while (!bytes.empty()) {
            const std::size_t n = std::min(bytes.size(), kPage - offset % kPage);
            if (std::memcmp(to.data() + offset, bytes.data(), n) != 0) {
                std::memcpy(to.data() + offset, bytes.data(), n);
            }
            offset += n;
            bytes = bytes.subspan(n);
        }
    }

    void tear(const Write& write, std::mt19937_64& random) {
        for (std::size_t at = 0; at < write.bytes.size(); at += kSector) {
            if (random() % 2 == 0) continue;
            const auto sector = std::span(write.bytes).subspan(at);
            put(durable_, write.offset + at, sector.first(std::min(kSector, sector.size())));
        }
    }

    std::span<std::byte> seen_;
    std::span<std::byte> durable_;
    static constexpr std::uint64_t kWaitingMax = 24;

    std::vector<Write> cached_;
    std::uint64_t seed_ = 0;
    std::uint64_t due_ = 0;  // writes that are to wait when the power goes
    bool armed_ = false;
    std::chrono::steady_clock::time_point latest_;
    bool lies_;
    bool on_ = true;
};

/// One file, as the kernel's FUSE protocol wants it (linux/fuse.h).
class FuseFile {
public:
    FuseFile(std::string path, Platter& platter) : path_(std::move(path)), platter_(platter) {
        fd_ = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
        if (fd_ < 0) die("/dev/fuse");
        const std::string options =
            "fd=" + std::to_string(fd_) + ",rootmode=100600,user_id=0,group_id=0";
        if (::mount("power_disk", path_.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) !=
            0) {
            die("mount " + path_);
        }
    }
    ~FuseFile() {
        ::umount2(path_.c_str(), MNT_DETACH);
        ::close(fd_);
    }
    FuseFile(const FuseFile&) = delete;
    FuseFile& operator=(const FuseFile&) = delete;

    [[nodiscard]] int fd() const { return fd_; }

    /// Answers one request. False: it is unmounted.
    bool serve() {
        const ssize_t got = ::read(fd_, request_.data(), request_.size());
        if (got < 0) return errno != ENODEV;
        std::memcpy(&head_, request_.data(), sizeof head_);
        rest_ = std::span<const std::byte>(request_).first(static_cast<std::size_t>(got));
        rest_ = rest_.subspan(sizeof head_);
        answer();
        return true;
    }

private:
    template <class T>
    [[nodiscard]] T take() {
        T value{};
        std::memcpy(&value, rest_.data(), std::min(sizeof value, rest_.size()));
        rest_ = rest_.subspan(std::min(sizeof value, rest_.size()));
        return value;
    }

    void reply(int error, std::span<const std::byte> bytes = {}) {
        fuse_out_header out{};
        out.len = static_cast<std::uint32_t>(sizeof out + bytes.size());
        out.error = -error;
        out.unique = head_.unique;
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): iovec has no const.
        const std::array<iovec, 2> parts{
            iovec{&out, sizeof out}, iovec{const_cast<std::byte*>(bytes.data()), bytes.size()}
        };
        // Fails when the request was given up meanwhile.
        [[maybe_unused]] const auto sent = ::writev(fd_, parts.data(), parts.size());
    }
    template <class T>
    void reply_with(const T& value) {
        reply(0, std::as_bytes(std::span(&value, 1)));
    }

    void answer() {
        switch (head_.opcode) {
            case FUSE_INIT:
                return initialise();
            case FUSE_GETATTR:
            case FUSE_SETATTR:
                return attributes();
            case FUSE_OPEN:
                return reply_with(fuse_open_out{});
            case FUSE_READ: {
                const auto wanted = take<fuse_read_in>();
                if (!platter_.on()) return reply(EIO);
                return reply(0, platter_.read(wanted.offset, wanted.size));
            }
            case FUSE_WRITE: {
                const auto wanted = take<fuse_write_in>();
                const auto bytes = rest_.first(std::min<std::size_t>(rest_.size(), wanted.size));
                if (!platter_.on()) return reply(EIO);
                if (!platter_.write(wanted.offset, bytes)) return reply(ENOSPC);
                fuse_write_out written{};
                written.size = wanted.size;
                return reply_with(written);
            }
            case FUSE_FSYNC:
                if (!platter_.on()) return reply(EIO);
                platter_.flush();
                return reply(0);
            case FUSE_FLUSH:
            case FUSE_RELEASE:
            case FUSE_DESTROY:
                return reply(0);
            case FUSE_FORGET:
            case FUSE_BATCH_FORGET:
            case FUSE_INTERRUPT:
                return;  // want no answer
            default:
                return reply(ENOSYS);
        }
    }

    void initialise() {
        const auto wanted = take<fuse_init_in>();
        fuse_init_out out{};
        out.major = FUSE_KERNEL_VERSION;
        out.minor = std::min<std::uint32_t>(wanted.minor, FUSE_KERNEL_MINOR_VERSION);
        out.max_readahead = wanted.max_readahead;
        out.flags = wanted.flags & (FUSE_BIG_WRITES | FUSE_MAX_PAGES);
        out.max_background = 64;
        out.congestion_threshold = 48;
        out.max_write = kWriteMax;
        out.max_pages = kWriteMax / 4096;
        reply_with(out);
    }

    void attributes() {
        fuse_attr_out out{};
        out.attr_valid = 3600;
        out.attr.ino = FUSE_ROOT_ID;
        out.attr.size = platter_.size();
        out.attr.blocks = platter_.size() / kSector;
        out.attr.mode = S_IFREG | 0600U;
        out.attr.nlink = 1;
        out.attr.blksize = 4096;
        reply_with(out);
    }

    std::string path_;
    Platter& platter_;
    int fd_ = -1;
    std::vector<std::byte> request_ = std::vector<std::byte>(kWriteMax + FUSE_MIN_READ_BUFFER);
    fuse_in_header head_{};
    std::span<const std::byte> rest_;
};

/// Carries out a line of standard input. False: that was the last.
bool obey(Platter& platter) {
    std::string line;
    if (!std::getline(std::cin, line)) return false;
    if (line.starts_with("cut ")) {
        platter.arm(std::stoull(line.substr(4)));
    } else if (line == "up") {
        platter.up();
        std::cout << "up" << std::endl;
    } else {
        std::cout << "unknown command" << std::endl;
    }
    return true;
}

}  // namespace

int main(int count, char** words) {
    const std::vector<std::string> arguments(words, words + count);
    if (arguments.size() < 3) {
        std::cerr << "usage: power_disk FILE BYTES [lie]\n";
        return 2;
    }
    Platter platter(std::stoull(arguments[2]), arguments.size() > 3 && arguments[3] == "lie");
    FuseFile file(arguments[1], platter);
    std::cout << "ready" << std::endl;
    for (;;) {
        std::array<pollfd, 2> wanted{pollfd{file.fd(), POLLIN, 0}, pollfd{STDIN_FILENO, POLLIN, 0}};
        const int ready = ::poll(wanted.data(), wanted.size(), platter.armed() ? 100 : -1);
        if (ready < 0 && errno != EINTR) die("poll");
        if (platter.cut_due()) {
            std::cout << platter.cut() << std::endl;
        }
        // Requests first: a command comes after what was on its way.
        if ((wanted[0].revents & (POLLIN | POLLERR)) != 0 && !file.serve()) return 0;
        if ((wanted[1].revents & (POLLIN | POLLHUP)) != 0 && !obey(platter)) return 0;
    }
}
