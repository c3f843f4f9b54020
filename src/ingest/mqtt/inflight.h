#pragma once

#include "base/mqtt/reason.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::mqtt {

/// QoS 1 messages of one connection that wait for their acknowledgement, in the order they came. An
/// acknowledgement is released only when all before it are: a contiguous prefix, in receive order
/// [MQTT-4.6.0-2]. Packet identifiers may repeat: a device that sends again on the same connection
/// gets one acknowledgement each. Bounds: kMost messages (the caller stops reading), kTexts reason
/// texts; 96 bytes while little is in flight. Threads: owner.
class Inflight {
public:
    static constexpr std::uint32_t kMost = 65'536;
    static constexpr std::size_t kTexts = 64;

    /// One released acknowledgement.
    struct Release {
        std::uint16_t packet_id = 0;
        Reason reason = Reason::success;
        bool kept = false;  // a record stands behind it
        std::uint32_t arrival_us = 0;
        std::string text;  // mostly empty
    };

    /// The sequence that the next take() stands for.
    [[nodiscard]] std::uint32_t next_sequence() const noexcept { return (first_ + count_) & kMask; }
    /// Enters a message: `bytes` count against the in-flight bound until it is released.
    /// Precondition: size() < kMost.
    void take(std::uint16_t packet_id, std::uint32_t bytes, std::uint32_t arrival_us);
    /// Enters a message that is answered already, but keeps its place. The text may be dropped.
    void take_refused(
        std::uint16_t packet_id,
        std::uint32_t bytes,
        std::uint32_t arrival_us,
        Reason reason,
        std::string_view text
    );
    /// Its record is on disk. An unknown or repeated sequence is ignored.
    void settle(std::uint32_t sequence) noexcept;

    /// Takes the next acknowledgement that may go out. False: none.
    [[nodiscard]] bool release(Release& out);

    [[nodiscard]] std::uint32_t size() const noexcept { return count_; }
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
    enum class Stage : std::uint8_t { waiting, durable, refused };
    struct Entry {
        std::uint16_t packet_id;
        Reason reason;
        Stage stage;
        std::uint32_t bytes;
        std::uint32_t arrival_us;
    };
    static constexpr std::uint32_t kMask = 0x7fffffff;  // never Ticket::kNoAnswer
    static constexpr std::uint32_t kSmall = 8;
    using Texts = std::vector<std::pair<std::uint32_t, std::string>>;

    [[nodiscard]] Entry& at(std::uint32_t index) noexcept {
        return ring_[(head_ + index) & (capacity_ - 1)];
    }
    Entry& push();
    void grow();
    void shrink() noexcept;

    std::unique_ptr<Entry[]> ring_;
    std::unique_ptr<Texts> texts_;  // by sequence, oldest first
    std::uint64_t bytes_ = 0;
    std::uint32_t capacity_ = 0;  // a power of two, or 0
    std::uint32_t head_ = 0;
    std::uint32_t count_ = 0;
    std::uint32_t first_ = 0;  // sequence of the oldest
};

}  // namespace penstock::mqtt
