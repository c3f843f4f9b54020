#include "base/uring_queue.h"

#include "base/posix_error.h"

#include <liburing.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace penstock {

namespace {

constexpr std::uint64_t kWakeToken = ~std::uint64_t{0};

class UringQueue final : public WriteQueue {
public:
    explicit UringQueue(std::size_t depth) : slots_(depth) {
        for (std::size_t i = depth; i > 0; --i)
            free_.push_back(i - 1);
    }

    ~UringQueue() override {
        if (!ready_) return;
        // Buffers belong to the caller, who may free them now: nothing may stay in flight.
        std::vector<Done> ignored;
        while (in_flight() > 0 && reap(ignored, kSecond).ok())
            ignored.clear();
        io_uring_queue_exit(&ring_);
        ::close(wake_fd_);
    }
    UringQueue(const UringQueue&) = delete;
    UringQueue& operator=(const UringQueue&) = delete;

    Status start() {
        const auto entries = static_cast<unsigned>(std::bit_ceil(slots_.size() + 2));
        if (const int error = -io_uring_queue_init(entries, &ring_, 0); error != 0) {
            return Error{Errc::unsupported, "io_uring: " + posix_text(error)};
        }
        wake_fd_ = ::eventfd(0, EFD_CLOEXEC);
        if (wake_fd_ < 0) {
            const int error = errno;
            io_uring_queue_exit(&ring_);
            return posix_error(error, "eventfd");
        }
        ready_ = true;
        return arm_wake();
    }

    void submit(DiskFile& file, ByteSpans parts, std::uint64_t offset, std::uint64_t token)
        override {
        Slot& slot = slots_[free_.back()];
        const std::size_t index = free_.back();
        free_.pop_back();
        slot.token = token;
        slot.expected = 0;
        slot.parts.clear();
        for (const auto part : parts) {
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): iovec has no const, a write
            // does not change it.
            slot.parts.push_back({const_cast<std::byte*>(part.data()), part.size()});
            slot.expected += part.size();
        }
        io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
        if (entry == nullptr) return refuse(index, EBUSY);
        io_uring_prep_writev(
            entry,
            file.native_handle(),
            slot.parts.data(),
            static_cast<unsigned>(slot.parts.size()),
            offset
        );
        io_uring_sqe_set_data64(entry, index);
    }

    Status reap(std::vector<Done>& done, Nanoseconds wait) override {
        if (!refused_.empty()) wait = 0;
        io_uring_cqe* entry = nullptr;
        if (io_uring_peek_cqe(&ring_, &entry) == 0) wait = 0;
        PS_CHECK(send_and_wait(wait));
        bool woken = false;
        while (io_uring_peek_cqe(&ring_, &entry) == 0) {
            const std::uint64_t index = io_uring_cqe_get_data64(entry);
            const int result = entry->res;
            io_uring_cqe_seen(&ring_, entry);
            if (index == kWakeToken) {
                woken = true;
            } else {
                finish(index, result, done);
            }
        }
        for (const auto& [index, error] : std::exchange(refused_, {}))
            finish(index, -error, done);
        return woken ? arm_wake() : Status{};
    }

    void wake() noexcept override {
        const std::uint64_t one = 1;
        // Fails only when the counter is full, and then the ring is about to wake anyway.
        [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
    }

    std::size_t in_flight() const noexcept override { return slots_.size() - free_.size(); }
    std::size_t depth() const noexcept override { return slots_.size(); }
    OpenMode file_mode() const noexcept override { return OpenMode::direct; }

private:
    struct Slot {
        std::uint64_t token = 0;
        std::size_t expected = 0;
        std::vector<iovec> parts;
    };

    /// Gives the kernel what submit() has put down, and waits, in one system call.
    Status send_and_wait(Nanoseconds wait) {
        int result = 0;
        if (wait > 0) {
            io_uring_cqe* entry = nullptr;
            __kernel_timespec span{wait / kSecond, wait % kSecond};
            result = io_uring_submit_and_wait_timeout(&ring_, &entry, 1, &span, nullptr);
            if (result == -ETIME || result == -EINTR || result == -EAGAIN) result = 0;
        }
        // All that is left when nothing is to be waited for, or when a signal came first.
        while (result >= 0 && io_uring_sq_ready(&ring_) > 0) {
            result = io_uring_submit(&ring_);
            if (result == 0) result = -EAGAIN;
            if (result == -EINTR) result = 0;
        }
        return result < 0 ? posix_error(-result, "io_uring") : Status{};
    }

    Status arm_wake() {
        io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
        if (entry == nullptr) return Error{Errc::io, "io_uring: no room for the wake-up"};
        io_uring_prep_read(entry, wake_fd_, &wake_count_, sizeof wake_count_, 0);
        io_uring_sqe_set_data64(entry, kWakeToken);
        return {};
    }

    void refuse(std::size_t index, int error) { refused_.emplace_back(index, error); }

    void finish(std::size_t index, int result, std::vector<Done>& done) {
        const Slot& slot = slots_[index];
        free_.push_back(index);
        if (result < 0) {
            done.push_back({slot.token, posix_error(-result, "write")});
        } else if (static_cast<std::size_t>(result) != slot.expected) {
            done.push_back(
                {slot.token,
                 Error{
                     Errc::io,
                     "short write: " + std::to_string(result) + " of " +
                         std::to_string(slot.expected) + " bytes"
                 }}
            );
        } else {
            done.push_back({slot.token, {}});
        }
    }

    std::vector<Slot> slots_;
    std::vector<std::size_t> free_;
    std::vector<std::pair<std::size_t, int>> refused_;  // by the kernel, before they were in flight
    io_uring ring_{};
    bool ready_ = false;
    int wake_fd_ = -1;
    std::uint64_t wake_count_ = 0;  // where the ring reads the eventfd to
};

}  // namespace

Result<std::unique_ptr<WriteQueue>> make_uring_queue(std::size_t depth) {
    auto queue = std::make_unique<UringQueue>(depth);
    PS_CHECK(queue->start());
    return std::unique_ptr<WriteQueue>(std::move(queue));
}

}  // namespace penstock
