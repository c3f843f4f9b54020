#pragma once

#include "options.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace load {

/// A message as it goes over the wire, computed before the run. What differs from one use to the
/// next is written into a copy of it.
struct Message {
    /// Where an event's own numbers stand, each of a fixed width.
    struct Stamp {
        std::uint32_t number = 0;  // 10 digits
        std::uint32_t sent = 0;    // 16 digits, microseconds since 1970
        std::uint32_t time = 0;    // 13 digits, milliseconds since 1970
    };
    std::string bytes;
    std::uint32_t packet_id = 0;  // MQTT QoS 1: where it stands
    std::vector<Stamp> events;
};

/// Number of the first event; the others count up from it.
constexpr std::int64_t kFirstNumber = 1'000'000'000;

/// One for each device, or for each `batch` devices.
std::vector<Message> make_messages(const Options& options);

/// Numbers the events of a copied message from `number` and dates them `sent_us`.
void stamp(char* bytes, const Message& message, std::int64_t number, std::int64_t sent_us);

void append_length(std::string& out, std::size_t n);
void append_text(std::string& out, std::string_view text);

}  // namespace load
