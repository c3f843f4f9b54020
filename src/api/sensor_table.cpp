#include "api/sensor_table.h"

#include "base/json_text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::api {
namespace {

/// What a gauge can show.
std::optional<double> shown(const Field& field) {
    if (field.type == FieldType::boolean) return field.text == "true" ? 1.0 : 0.0;
    return field.number();
}

}  // namespace

bool SensorTable::wants(const RecordView& record) const {
    if (record.quarantined()) return false;
    return config_.streams.empty() ||
           std::ranges::find(config_.streams, record.stream()) != config_.streams.end();
}

bool SensorTable::fresh(const Value& value, Nanoseconds now) const {
    return value.seen && now - *value.seen < config_.silent_after.count();
}

bool SensorTable::update(Values& values, const RecordView& record, Nanoseconds now) const {
    bool any = false;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto field = record.find(config_.fields[i]);
        if (!field) continue;
        Value& value = values[i];
        if (fresh(value, now) && record.event_time() < value.event_time) continue;
        const auto number = shown(*field);
        value = {number.value_or(0), record.event_time(), std::nullopt};
        if (number) value.seen = now;
        any = any || number.has_value();
    }
    return any;
}

Result<std::size_t> SensorTable::take(std::span<const std::byte> bytes, Nanoseconds now) {
    PS_TRY(const auto outline, RecordView::parse_outline(bytes));
    const std::size_t size = outline.bytes().size();
    if (!wants(outline)) return size;
    const auto known = devices_.find(Name{outline.device(), outline.stream()});
    if (known == devices_.end() && devices_.size() >= config_.devices_max) {
        ++left_out_.no_place;
        return size;
    }
    if (outline.device().size() > kIdMax || !valid_utf8(outline.device())) {
        ++left_out_.bad_id;
        return size;
    }
    PS_TRY(const auto record, RecordView::parse(bytes));
    if (known != devices_.end()) {
        update(known->second, record, now);
        return size;
    }
    Values values(config_.fields.size());
    if (update(values, record, now)) {
        devices_.emplace(
            Key{std::string(record.device()), std::string(record.stream())}, std::move(values)
        );
    }
    return size;
}

void SensorTable::forget(Nanoseconds now) {
    std::erase_if(devices_, [&](const auto& device) {
        return std::ranges::none_of(device.second, [&](const Value& value) {
            return fresh(value, now);
        });
    });
}

void SensorTable::show(Nanoseconds now, const metrics::ShowSeries& series) const {
    for (const auto& [key, values] : devices_) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (!fresh(values[i], now)) continue;
            series(
                std::array<std::string_view, 3>{key.device, config_.fields[i], key.stream},
                values[i].number
            );
        }
    }
}

}  // namespace penstock::api
