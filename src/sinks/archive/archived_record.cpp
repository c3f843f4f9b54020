#include "sinks/archive/archived_record.h"

#include "base/base64.h"
#include "base/iso_time.h"
#include "base/text.h"
#include "sinks/archive/payload_index.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks {

namespace {

using Json = simdjson::dom::element;

std::string text_of(const Json& object, std::string_view name) {
    std::string_view text;
    return object[name].get_string().get(text) == simdjson::SUCCESS ? std::string(text)
                                                                    : std::string();
}

bool flag_of(const Json& object, std::string_view name) {
    bool set = false;
    return object[name].get_bool().get(set) == simdjson::SUCCESS && set;
}

Source source_of(std::string_view name) {
    for (const Source source : {Source::http, Source::will}) {
        if (source_name(source) == name) return source;
    }
    return Source::mqtt;
}

/// One record in the making: owns what its parts point to.
class Restored {
public:
    /// `metadata`: the text of `_penstock`.
    Status read_metadata(std::string_view metadata) {
        if (parser_.parse(metadata.data(), metadata.size()).get(said_) != simdjson::SUCCESS)
            return wrong("no metadata");
        const auto event = parse_iso_time(text_of(said_, "eventTime"));
        const auto arrival = parse_iso_time(text_of(said_, "receivedAt"));
        std::uint64_t lsn = 0;
        if (!event || !arrival || said_["lsn"].get_uint64().get(lsn) != simdjson::SUCCESS)
            return wrong("metadata without LSN or times");
        lsn_ = Lsn{lsn};
        parts_.event_time = *event;
        parts_.arrival_time = *arrival;
        arrival_ = text_of(said_, "receivedAt");
        parts_.source = source_of(text_of(said_, "source"));
        parts_.device = device_ = text_of(said_, "device");
        parts_.device_hash = device_hash(device_);
        parts_.client = client_ = text_of(said_, "client");
        parts_.topic = topic_ = text_of(said_, "topic");
        parts_.stream = stream_ = text_of(said_, "stream");
        parts_.status = status_ = text_of(said_, "status");
        parts_.reason = reason_ = text_of(said_, "reason");
        read_flags();
        derived_of(metadata);
        return {};
    }

    /// `text`: the whole line; `members`: its own. What Penstock appended is taken off its end.
    Status take_line(std::string_view text, std::vector<JsonMember> members) {
        members.pop_back();  // the metadata
        if (quarantined()) return take_untrusted(members);
        if (said("processedAt", '"' + arrival_ + '"', members)) members.pop_back();
        if (score_text_ && said("score", *score_text_, members)) members.pop_back();
        if (!status_.empty() && said_status(members)) members.pop_back();
        payload_.clear();
        if (!members.empty()) {
            const std::string_view last = members.back().value;
            payload_ =
                text.substr(0, static_cast<std::size_t>(last.data() - text.data()) + last.size());
        } else {
            payload_ = "{";
        }
        payload_ += '}';
        return {};
    }
    void take_payload(std::string_view payload) { payload_ = payload; }

    [[nodiscard]] Lsn lsn() const noexcept { return lsn_; }
    [[nodiscard]] bool quarantined() const noexcept { return (parts_.flags & kQuarantined) != 0; }

    [[nodiscard]] std::vector<std::byte> encode() {
        PayloadIndex index;
        Json ignored;
        simdjson::dom::parser parser;
        const bool object =
            !quarantined() && !payload_.empty() &&
            parser.parse(payload_.data(), payload_.size()).get(ignored) == simdjson::SUCCESS &&
            ignored.is_object();
        if (object) index.add_payload(payload_);
        for (const auto& [name, value] : derived_)
            index.add_derived(name, value);
        parts_.payload = payload_;
        parts_.fields = index.entries;
        parts_.annex = index.annex;
        std::vector<std::byte> bytes(encoded_size(parts_));
        penstock::encode(parts_, bytes);
        if (score_) set_score(bytes, scored(bytes));
        return bytes;
    }

private:
    static Error wrong(std::string_view what) { return {Errc::malformed, std::string(what)}; }

    void read_flags() {
        const std::array<std::pair<std::string_view, RecordFlag>, 4> flags{
            {{"quarantined", kQuarantined},
             {"eventTimeReplaced", kEventTimeReplaced},
             {"retain", kRetain},
             {"duplicate", kDuplicate}}
        };
        for (const auto& [name, flag] : flags) {
            if (flag_of(said_, name)) parts_.flags |= flag;
        }
        if (said_["sequence"].get_uint64().get(parts_.sequence) == simdjson::SUCCESS)
            parts_.flags |= kHasSequence;
        double value = 0;
        if (said_["score"].get_double().get(value) == simdjson::SUCCESS) score_ = value;
    }

    void derived_of(std::string_view metadata) {
        for (const JsonMember& member : json_members(metadata)) {
            if (member.key == "score") score_text_ = std::string(member.value);
            if (member.key != "derived") continue;
            for (const JsonMember& field : json_members(member.value))
                derived_.emplace_back(json_unescaped(field.key), field.value);
        }
    }

    static bool said(
        std::string_view name, std::string_view value, const std::vector<JsonMember>& members
    ) {
        return !members.empty() && members.back().key == name && members.back().value == value;
    }
    [[nodiscard]] bool said_status(const std::vector<JsonMember>& members) const {
        if (members.empty() || members.back().key != "status") return false;
        const std::string_view value = members.back().value;
        return value.size() >= 2 && value.front() == '"' &&
               json_unescaped(value.substr(1, value.size() - 2)) == status_;
    }

    Status take_untrusted(const std::vector<JsonMember>& members) {
        if (members.empty() || members.front().value.size() < 2) return wrong("no payload");
        const std::string_view quoted = members.front().value;
        const std::string_view text = quoted.substr(1, quoted.size() - 2);
        if (members.front().key == "payload") {
            payload_ = json_unescaped(text);
            return {};
        }
        auto decoded = base64_decoded(text);
        if (!decoded) return wrong("payloadBase64 is not base64");
        payload_ = *std::move(decoded);
        return {};
    }

    Score scored(std::span<const std::byte> bytes) const {
        Score score;
        score.value = *score_;
        double number = 0;
        if (said_["expected"].get_double().get(number) == simdjson::SUCCESS)
            score.expected = static_cast<float>(number);
        if (said_["deviation"].get_double().get(number) == simdjson::SUCCESS)
            score.deviation = static_cast<float>(number);
        const std::string field = text_of(said_, "scoreField");
        const auto view = RecordView::parse(bytes);
        for (std::uint16_t i = 0; view && !field.empty() && i < view->field_count(); ++i) {
            if (view->field(i).name != field) continue;
            score.field = i;
            break;
        }
        return score;
    }

    simdjson::dom::parser parser_;
    Json said_;
    RecordParts parts_;
    Lsn lsn_;
    std::string device_;
    std::string client_;
    std::string topic_;
    std::string stream_;
    std::string status_;
    std::string reason_;
    std::string arrival_;
    std::string payload_;
    std::optional<double> score_;
    std::optional<std::string> score_text_;
    std::vector<std::pair<std::string, std::string>> derived_;  // name, JSON text
};

bool well_formed(simdjson::dom::parser& parser, std::string_view text) {
    Json ignored;
    return parser.parse(text.data(), text.size()).get(ignored) == simdjson::SUCCESS &&
           ignored.is_object();
}

}  // namespace

Status read_archived(
    ArchiveFormat format,
    std::string_view text,
    const std::function<void(Lsn, std::span<const std::byte>)>& see
) {
    simdjson::dom::parser parser;
    for (std::uint64_t number = 1; !text.empty(); ++number) {
        const auto wrong = [number](std::string_view what) {
            return Error{Errc::malformed, fmt::format("record {}: {}", number, what)};
        };
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        if (end == std::string_view::npos || !well_formed(parser, line))
            return wrong("is no whole line of JSON");
        text.remove_prefix(end + 1);
        auto members = json_members(line);
        Restored record;
        if (format == ArchiveFormat::raw) {
            const auto size = members.empty() || members.back().key != "bytes"
                                  ? std::nullopt
                                  : text::parse_uint(members.back().value);
            if (!size || *size >= text.size()) return wrong("its payload is cut off");
            if (const Status read = record.read_metadata(line); !read.ok())
                return wrong(read.error().message);
            record.take_payload(text.substr(0, *size));
            text.remove_prefix(*size + 1);
        } else {
            if (members.empty() || members.back().key != "_penstock")
                return wrong("has no _penstock at its end");
            Status read = record.read_metadata(members.back().value);
            if (read.ok()) read = record.take_line(line, std::move(members));
            if (!read.ok()) return wrong(read.error().message);
        }
        see(record.lsn(), record.encode());
    }
    return {};
}

}  // namespace penstock::sinks
