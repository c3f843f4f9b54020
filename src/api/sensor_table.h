#pragma once

#include "api/sensor_config.h"
#include "base/metrics.h"
#include "penstock/clock.h"
#include "penstock/record.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::api {

/// The latest values of chosen fields, by event time, of a bounded number of devices.
///
/// The first devices to send keep their places; one gives its place back when none of its values
/// was renewed for `silent_after`. A value that became null or text is gone at once. An older
/// event time never replaces a newer one, but for a value that was silent: so a device whose clock
/// was ahead is shown again after that time. Ids that are longer than kIdMax or no UTF-8 are left
/// out.
/// Threads: owner.
class SensorTable {
public:
    static constexpr std::size_t kIdMax = 256;

    /// Records that were not looked at for want of a place or of a fit id.
    struct LeftOut {
        std::uint64_t no_place = 0;
        std::uint64_t bad_id = 0;
    };

    explicit SensorTable(SensorConfig config) : config_(std::move(config)) {}

    /// `bytes` begin with a record that was seen at `now` (monotonic). Returns the size of the
    /// record. Errors: corrupt.
    [[nodiscard]] Result<std::size_t> take(std::span<const std::byte> bytes, Nanoseconds now);
    /// Forgets what was not renewed.
    void forget(Nanoseconds now);
    /// Shows every value that is not silent at `now`; labels: device, field, stream.
    void show(Nanoseconds now, const metrics::ShowSeries& series) const;

    [[nodiscard]] std::size_t devices() const noexcept { return devices_.size(); }
    [[nodiscard]] LeftOut left_out() const noexcept { return left_out_; }
    [[nodiscard]] const SensorConfig& config() const noexcept { return config_; }

private:
    struct Value {
        double number = 0;
        Nanoseconds event_time = 0;
        std::optional<Nanoseconds> seen;  // nothing: there is no value
    };
    using Values = std::vector<Value>;  // by the position of the field in the settings
    struct Name {
        std::string_view device;
        std::string_view stream;
        auto operator<=>(const Name&) const = default;
    };
    struct Key {
        std::string device;
        std::string stream;
        [[nodiscard]] Name name() const noexcept { return {device, stream}; }
    };
    struct Less {
        using is_transparent = void;
        static Name of(const Key& key) noexcept { return key.name(); }
        static Name of(const Name& name) noexcept { return name; }
        bool operator()(const auto& a, const auto& b) const noexcept { return of(a) < of(b); }
    };

    [[nodiscard]] bool wants(const RecordView& record) const;
    [[nodiscard]] bool fresh(const Value& value, Nanoseconds now) const;
    /// False: the record has none of the fields.
    bool update(Values& values, const RecordView& record, Nanoseconds now) const;

    SensorConfig config_;
    std::map<Key, Values, Less> devices_;  // sorted: a scrape shows them in the same order
    LeftOut left_out_;
};

}  // namespace penstock::api
