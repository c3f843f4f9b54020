#pragma once

#include "base/log.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

namespace penstock::test {

/// What is logged while this lives, instead of on stderr. One at a time in a process.
class CapturedLog {
public:
    explicit CapturedLog(unsigned burst_per_second = 0) : fd_(::memfd_create("log", MFD_CLOEXEC)) {
        if (fd_ < 0) throw std::runtime_error("memfd_create");
        level_before_ = log::level();
        log::set_level(log::Level::debug);
        log::Options options;
        options.fd = fd_;
        options.burst_per_second = burst_per_second;
        log::start(options);
    }
    ~CapturedLog() {
        log::stop();
        log::Options options;
        log::start(options);  // back to stderr
        log::stop();
        log::set_level(level_before_);
        ::close(fd_);
    }
    CapturedLog(const CapturedLog&) = delete;
    CapturedLog& operator=(const CapturedLog&) = delete;

    /// Everything logged so far.
    [[nodiscard]] std::string text() const {
        if (!log::flush(std::chrono::seconds(10))) throw std::runtime_error("log is stuck");
        std::string out;
        std::array<char, 4096> piece{};
        for (;;) {
            const ssize_t n =
                ::pread(fd_, piece.data(), piece.size(), static_cast<off_t>(out.size()));
            if (n <= 0) return out;
            out.append(piece.data(), static_cast<std::size_t>(n));
        }
    }

    [[nodiscard]] std::vector<std::string> lines() const {
        std::vector<std::string> list;
        const std::string all = text();
        for (std::size_t at = 0; at < all.size();) {
            const std::size_t end = all.find('\n', at);
            list.push_back(all.substr(at, end - at));
            at = end == std::string::npos ? all.size() : end + 1;
        }
        return list;
    }

private:
    int fd_;
    log::Level level_before_ = log::Level::info;
};

}  // namespace penstock::test
