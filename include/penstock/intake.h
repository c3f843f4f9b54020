#pragma once

#include "penstock/clock.h"
#include "penstock/ids.h"
#include "penstock/record.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

/// The contract between listeners and the rest: a listener submits a message and is told when it is
/// durable.
namespace penstock {

/// Readable bytes that must follow every submitted payload (the JSON parser reads ahead).
constexpr std::size_t kPayloadPadding = 64;

/// Names the place an acknowledgement goes back to.
struct Ticket {
    std::uint32_t connection = 0;  // slot in the origin shard's connection table
    std::uint32_t generation = 0;  // of that slot: a stale ticket is ignored
    std::uint32_t sequence = 0;    // the connection's own numbering
    /// No answer wanted (MQTT QoS 0).
    static constexpr std::uint32_t kNoAnswer = 0xffffffff;
};

/// What a device sent. All views live for the call only.
struct Message {
    Source source = Source::mqtt;
    std::uint8_t qos = 0;
    bool retain = false;
    bool duplicate = false;
    std::string_view stream;     // named by an HTTP path; empty: found by topic
    std::string_view topic;      // empty for HTTP
    std::string_view client_id;  // empty for HTTP without an identity
    std::string_view payload;    // kPayloadPadding readable bytes follow it
    Nanoseconds arrival = 0;
};

/// Why a message was quarantined or refused. Names are stable: they are metric labels.
enum class Refusal : std::uint8_t {
    none,
    invalid_json,    // not well-formed to its last byte
    invalid_field,   // type, range, enum or a missing required field
    invalid_device,  // no device id, or one that breaks its bounds
    unrouted,        // no stream takes the topic, or no such stream
    too_large,       // over the record limit
    too_deep,        // nesting or number of fields over the limit
};
[[nodiscard]] std::string_view name(Refusal refusal) noexcept;

/// The answer to a submitted message.
struct Reply {
    enum class Kind : std::uint8_t {
        accepted,     // the ticket comes back when the record is durable
        quarantined,  // likewise; kept aside with the reason
        refused,      // not kept; final for this message: no ticket comes back
        busy,         // nothing was taken: stop reading, submit again after Origin::room()
    };
    Kind kind = Kind::accepted;
    Refusal refusal = Refusal::none;
    std::string_view reason;  // for people, no longer than 200 bytes; valid until the next submit()
    std::string_view
        pointer;  // RFC 6901 JSON pointer of the fault, may be empty; valid until the next submit()
};

/// Where acknowledgements go: the listeners of one shard.
/// Threads: that shard.
class Origin {
public:
    virtual ~Origin() = default;
    /// These messages are on disk (or quarantined on disk). Any order; releasing in receive order
    /// is the connection's job.
    virtual void durable(std::span<const Ticket> tickets) = 0;
    /// There is room again after a `busy`.
    virtual void room() = 0;
};

/// One shard's way in.
/// Threads: owning shard.
class Intake {
public:
    virtual ~Intake() = default;
    virtual Reply submit(const Message& message, const Ticket& ticket) = 0;
    /// Called once, before the first submit.
    virtual void attach(Origin& origin) = 0;
    /// True when the node does not take records at the moment (disk full, draining): HTTP answers
    /// 503 + Retry-After and CONNECT is refused (0x89 / 3.x code 3); connected devices just wait.
    [[nodiscard]] virtual bool closed() const noexcept = 0;
};

/// The other shards, as a listener sees them.
/// Threads: any thread.
class Shards {
public:
    virtual ~Shards() = default;
    [[nodiscard]] virtual std::uint32_t count() const noexcept = 0;
    /// Runs `work` on that shard's thread, soon. Not for the path of a record.
    virtual void post(ShardId shard, std::function<void()> work) = 0;
};

}  // namespace penstock
