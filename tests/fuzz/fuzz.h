#pragma once

#include "penstock/intake.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

/// What the fuzz targets share: a claim that must hold, and ways to cut an input into parts.
namespace penstock::fuzz {

/// Ends the process with a finding when `holds` is false.
inline void claim(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "claim broken: %s\n", what);
    std::abort();
}

/// A fuzzer's input. Small choices are taken from its end, so that its beginning stays what the
/// parser reads, and words of a dictionary and messages of a corpus fit into it as they are. Reads
/// zeros when nothing is left.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : left_(data, size) {}

    /// 0 .. bound - 1.
    [[nodiscard]] std::size_t choice(std::size_t bound) {
        if (left_.empty()) return 0;
        const std::size_t value = left_.back();
        left_ = left_.first(left_.size() - 1);
        return value % bound;
    }
    [[nodiscard]] bool flag() { return choice(2) != 0; }
    /// 0 .. 65535
    [[nodiscard]] std::uint16_t number() {
        const std::size_t high = choice(256);
        return static_cast<std::uint16_t>(high << 8U | choice(256));
    }

    /// Cuts the end off, to take choices from; its last byte says how long it is.
    [[nodiscard]] Input script() {
        const std::size_t size = std::min(choice(256), left_.size());
        const auto cut = left_.last(size);
        left_ = left_.first(left_.size() - size);
        return {cut.data(), cut.size()};
    }
    /// The front up to a line feed, which is dropped.
    [[nodiscard]] std::string_view line() {
        const std::string_view all = text();
        const std::size_t end = std::min(all.find('\n'), all.size());
        left_ = left_.subspan(std::min(end + 1, left_.size()));
        return all.substr(0, end);
    }
    /// All that is left, still there afterwards.
    [[nodiscard]] std::string_view text() const {
        return {reinterpret_cast<const char*>(left_.data()), left_.size()};
    }
    [[nodiscard]] std::size_t size() const { return left_.size(); }

private:
    std::span<const std::uint8_t> left_;
};

/// Bytes in a heap block of exactly their size and the padding that payloads are promised, so that
/// a sanitizer sees every read beyond. The padding would close what a JSON text leaves open.
class Block {
public:
    explicit Block(std::string_view text, std::size_t padding = 0)
        : memory_(std::make_unique<char[]>(text.size() + padding)), size_(text.size()) {
        if (!text.empty()) std::memcpy(memory_.get(), text.data(), text.size());
        constexpr std::string_view kLure = "\"}]}]}0123456789";
        for (std::size_t i = 0; i < padding; ++i)
            memory_[text.size() + i] = kLure[i % kLure.size()];
    }
    [[nodiscard]] std::string_view text() const { return {memory_.get(), size_}; }
    [[nodiscard]] std::span<const std::byte> bytes() const {
        return std::as_bytes(std::span(memory_.get(), size_));
    }
    [[nodiscard]] bool holds(std::string_view part) const {
        return part.empty() ||
               (part.data() >= memory_.get() && part.data() + part.size() <= memory_.get() + size_);
    }

private:
    std::unique_ptr<char[]> memory_;
    std::size_t size_;
};

}  // namespace penstock::fuzz

/// What libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
