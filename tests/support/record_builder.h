#pragma once

#include "penstock/ids.h"
#include "penstock/record.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::test {

/// Builds encoded records for tests:
/// `RecordBuilder().device("w1").payload(R"({"a":1})").field("a","1",..).view()`. Views stay valid
/// while the builder lives and until its next change. Threads: one.
class RecordBuilder {
public:
    RecordBuilder() {
        parts_.source = Source::http;
        parts_.event_time = 1'767'323'045'678'000'000;    // 2026-01-02T03:04:05.678Z
        parts_.arrival_time = 1'767'323'046'000'000'000;  // one moment later
    }
    RecordBuilder& device(std::string_view v) { return set(device_, v); }
    RecordBuilder& client(std::string_view v) { return set(client_, v); }
    RecordBuilder& topic(std::string_view v) { return set(topic_, v); }
    RecordBuilder& stream(std::string_view v) { return set(stream_, v); }
    RecordBuilder& status(std::string_view v) { return set(status_, v); }
    RecordBuilder& reason(std::string_view v) { return set(reason_, v); }
    RecordBuilder& payload(std::string_view v) { return set(payload_, v); }
    RecordBuilder& source(Source v) { return parts_.source = v, *this; }
    RecordBuilder& flags(std::uint8_t v) { return parts_.flags = v, *this; }
    RecordBuilder& event_time(Nanoseconds v) { return parts_.event_time = v, *this; }
    RecordBuilder& arrival_time(Nanoseconds v) { return parts_.arrival_time = v, *this; }
    RecordBuilder& score(double value, std::uint16_t field = 0xffff) {
        score_ = Score{.value = value, .expected = 80.5F, .deviation = 3.25F, .field = field};
        return *this;
    }
    /// A derived field (its name and text stand in the annex).
    RecordBuilder& derived(std::string_view name, std::string_view text, FieldType type) {
        return add(name, text, type, RecordParts::kDerived);
    }
    /// A field of the device; for simplicity it too stands in the annex.
    RecordBuilder& field(std::string_view name, std::string_view text, FieldType type) {
        return add(name, text, type, 0);
    }

    [[nodiscard]] const std::vector<std::byte>& bytes() {
        parts_.device = device_;
        parts_.device_hash = device_hash(device_);
        parts_.client = client_;
        parts_.topic = topic_;
        parts_.stream = stream_;
        parts_.status = status_;
        parts_.reason = reason_;
        parts_.payload = payload_;
        parts_.annex = annex_;
        parts_.fields = fields_;
        bytes_.assign(encoded_size(parts_), std::byte{0});
        encode(parts_, bytes_);
        if (score_) set_score(bytes_, *score_);
        return bytes_;
    }
    [[nodiscard]] RecordView view() { return RecordView::parse(bytes()).value(); }

private:
    RecordBuilder& set(std::string& member, std::string_view value) {
        member = value;
        return *this;
    }
    RecordBuilder& add(
        std::string_view name, std::string_view text, FieldType type, std::uint8_t flags
    ) {
        RecordParts::Entry entry;
        entry.flags = static_cast<std::uint8_t>(
            flags | RecordParts::kNameInAnnex | RecordParts::kTextInAnnex
        );
        entry.type = type;
        entry.name_offset = static_cast<std::uint32_t>(annex_.size());
        entry.name_size = static_cast<std::uint16_t>(name.size());
        annex_ += name;
        entry.text_offset = static_cast<std::uint32_t>(annex_.size());
        entry.text_size = static_cast<std::uint32_t>(text.size());
        annex_ += text;
        fields_.push_back(entry);
        return *this;
    }

    RecordParts parts_;
    std::string device_ = "w1";
    std::string client_;
    std::string topic_;
    std::string stream_ = "wearables";
    std::string status_;
    std::string reason_;
    std::string payload_;
    std::string annex_;
    std::vector<RecordParts::Entry> fields_;
    std::optional<Score> score_;
    std::vector<std::byte> bytes_;
};

}  // namespace penstock::test
