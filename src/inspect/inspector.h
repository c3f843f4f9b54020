#pragma once

#include "inspect/config.h"
#include "inspect/metric.h"
#include "inspect/router.h"
#include "inspect/stream.h"
#include "inspect/workspace.h"
#include "penstock/intake.h"
#include "penstock/record.h"
#include "penstock/result.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace penstock::inspect {

/// The stream of messages that no stream takes.
constexpr std::string_view kUnrouted = "_unrouted";
/// Longest device id, in bytes.
constexpr std::size_t kMaxDeviceSize = 255;

/// What inspection made of a message.
struct Examined {
    enum class Outcome : std::uint8_t {
        accepted,
        quarantined,  // to be kept, with record.flags & kQuarantined and record.reason
        refused,      // not to be kept: the device is told
    };
    Outcome outcome = Outcome::accepted;
    Refusal refusal = Refusal::none;
    std::string_view reason;   // empty when accepted
    std::string_view pointer;  // JSON pointer of the fault, may be empty
    /// Ready for encode(). Filled in for every outcome; a refused one has its device id if it could
    /// be found.
    RecordParts record;
    /// What to score; empty unless accepted.
    std::span<const Metric> metrics;
};

/// Decides about messages: finds the stream, reads and checks the payload, derives, gives the
/// status word. Immutable after it was made; shards share one and have a Workspace each. Knows no
/// clock: the message brings its time.
///
/// Rules of a stream, in this order: the payload is well-formed (json_walk.h); there is a device
/// id; declared fields keep their rules (null counts as absent); what fails first is the reason. A
/// quarantined record's device is the id that the rules gave, else the client id.
/// Threads: any thread.
class Inspector {
public:
    /// Error: what is wrong with the streams, all of it. `seed` should differ from start to start:
    /// devices must not be able to tell which keys collide in a table.
    [[nodiscard]] static Result<std::unique_ptr<const Inspector>> create(
        const Config& config, std::uint64_t seed
    );

    /// Views in the answer are valid until the next call with this workspace, as long as the
    /// message's own views are, and no longer than the inspector.
    [[nodiscard]] Examined examine(const Message& message, Workspace& workspace) const;

    /// What DeviceTable scores. Valid as long as the inspector.
    [[nodiscard]] const MetricCatalogue& metrics() const noexcept { return metrics_; }
    [[nodiscard]] const std::vector<Stream>& streams() const noexcept { return streams_; }
    [[nodiscard]] std::uint32_t max_fields() const noexcept { return max_fields_; }

    Inspector(const Inspector&) = delete;
    Inspector& operator=(const Inspector&) = delete;

private:
    explicit Inspector(const Config& config) noexcept;

    [[nodiscard]] const Stream* route(const Message& message, Workspace& workspace) const;
    void unrouted(const Message& message, Workspace& workspace, Examined& examined) const;

    std::vector<Stream> streams_;
    Router router_;
    std::unordered_map<std::string_view, std::uint16_t> by_name_;
    MetricCatalogue metrics_;
    std::uint32_t max_fields_;
    std::uint64_t max_size_;
    bool refuse_unrouted_;
};

}  // namespace penstock::inspect
