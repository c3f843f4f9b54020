#include "inspect/examination.h"

#include "base/json_text.h"
#include "inspect/event_time.h"
#include "inspect/number.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace penstock::inspect {
namespace {

using Kind = Known::Kind;

bool absent(const Known& known) noexcept {
    return known.kind == Kind::absent || known.kind == Kind::null;
}

/// Whether all bytes are printable ASCII, eight at a time.
bool printable_ascii(std::string_view text) noexcept {
    constexpr std::uint64_t kOnes = 0x0101010101010101U;
    constexpr std::uint64_t kHigh = kOnes * 0x80;
    std::uint64_t bad = 0;
    for (std::size_t at = 0; at < text.size(); at += 8) {
        std::uint64_t word = kOnes * ' ';
        const std::size_t size = std::min<std::size_t>(8, text.size() - at);
        if (size == 8) {
            std::memcpy(&word, text.data() + at, 8);
        } else {
            std::memcpy(&word, text.data() + at, size);
        }
        // A byte of `word` is at least 0x80, below 0x20, or 0x7f.
        bad |= (word | (word - kOnes * 0x20) | (word + kOnes)) & kHigh;
    }
    return bad == 0;
}

double number_of(Known& known) noexcept {
    if (!known.parsed) {
        known.number = parse_number(known.view());
        known.parsed = true;
    }
    return known.number;
}

/// UTF-8 without control characters.
bool printable(std::string_view text) noexcept {
    if (printable_ascii(text)) return true;
    return valid_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
               return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
           });
}

std::string_view topic_level(std::string_view topic, std::uint16_t level) noexcept {
    for (; level > 1; --level) {
        const std::size_t slash = topic.find('/');
        if (slash == std::string_view::npos) return {};
        topic.remove_prefix(slash + 1);
    }
    return topic.substr(0, topic.find('/'));
}

std::size_t characters(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
    }));
}

bool has_type(ValueType type, Kind kind) noexcept {
    switch (type) {
        case ValueType::any:
            return true;
        case ValueType::number:
            return kind == Kind::number || kind == Kind::integer;
        case ValueType::integer:
            return kind == Kind::integer;
        case ValueType::string:
            return kind == Kind::string;
        case ValueType::boolean:
            return kind == Kind::boolean;
        case ValueType::object:
            return kind == Kind::object;
        case ValueType::array:
            return kind == Kind::array;
    }
    return false;
}

std::string_view type_sentence(ValueType type) noexcept {
    switch (type) {
        case ValueType::number:
            return "must be a number";
        case ValueType::integer:
            return "must be an integer of at most 64 bits";
        case ValueType::string:
            return "must be a string";
        case ValueType::boolean:
            return "must be true or false";
        case ValueType::object:
            return "must be an object";
        default:
            return "must be an array";
    }
}

}  // namespace

Examination::Examination(const Message& message, Workspace& workspace, Examined& examined)
    : message_(message), workspace_(workspace), examined_(examined) {
    RecordParts& record = examined_.record;
    record.source = message.source;
    record.qos = message.qos;
    if (message.retain) record.flags |= kRetain;
    if (message.duplicate) record.flags |= kDuplicate;
    record.event_time = message.arrival;
    record.arrival_time = message.arrival;
    record.topic = message.topic;
    record.payload = message.payload;
    record.device = message.client_id.substr(0, kMaxDeviceSize);
    if (record.device != message.client_id) record.client = message.client_id;
}

void Examination::unrouted(bool refuse) {
    examined_.record.stream = kUnrouted;
    examined_.outcome = refuse ? Examined::Outcome::refused : Examined::Outcome::quarantined;
    return not_accepted();
}

void Examination::run(const Stream& stream, std::uint64_t max_size) {
    stream_ = &stream;
    examined_.record.stream = stream.name;
    workspace_.text.clear();
    if (!read_payload(max_size) || !find_device() || !check_fields()) {
        examined_.outcome =
            stream.refuse_invalid ? Examined::Outcome::refused : Examined::Outcome::quarantined;
        return not_accepted();
    }
    find_time();
    find_sequence();
    read_values();
    derive();
    collect_metrics();
    RecordParts& record = examined_.record;
    record.status = status();
    record.fields = workspace_.index.entries();
    record.annex = workspace_.index.annex.view();
    examined_.metrics = workspace_.metrics;
}

void Examination::not_accepted() {
    examined_.refusal = workspace_.fault.refusal();
    examined_.reason = workspace_.fault.reason();
    examined_.pointer = workspace_.fault.pointer();
    examined_.record.reason = examined_.reason;
    examined_.record.flags |= kQuarantined;
    examined_.record.device_hash = device_hash(examined_.record.device);
}

bool Examination::read_payload(std::uint64_t max_size) {
    if (message_.payload.size() > max_size) {
        workspace_.fault.begin(Refusal::too_large);
        workspace_.fault.say("the payload has more than ");
        workspace_.fault.say_number(max_size);
        workspace_.fault.say(" bytes; only these are kept");
        examined_.record.payload = message_.payload.substr(0, max_size);
        return false;
    }
    workspace_.text.reserve(message_.payload.size());
    return workspace_.walk.run(
        message_.payload,
        stream_->names,
        workspace_.forms(stream_->number),
        workspace_.index,
        workspace_.fault
    );
}

void Examination::use_device(std::string_view id) {
    RecordParts& record = examined_.record;
    record.device = id;
    record.client = message_.client_id == id ? std::string_view{} : message_.client_id;
    record.device_hash = device_hash(id);
}

bool Examination::find_device() {
    std::string_view id = message_.client_id;
    if (stream_->device_slot != Stream::kNone) {
        Known& known = workspace_.index.known(stream_->device_slot);
        if (absent(known)) return invalid_device("the field that holds the device id is missing");
        if (known.kind != Kind::string && known.kind != Kind::integer)
            return invalid_device("the device id must be a string or an integer");
        id = text_of(known);
    } else if (stream_->device_level != 0) {
        id = topic_level(message_.topic, stream_->device_level);
    }
    if (id.empty()) return invalid_device("there is no device id");
    if (id.size() > kMaxDeviceSize) return invalid_device("the device id is longer than 255 bytes");
    if (!printable(id))
        return invalid_device("the device id holds characters that are not printable");
    use_device(id);
    return true;
}

bool Examination::invalid_device(std::string_view sentence) {
    workspace_.fault.begin(Refusal::invalid_device);
    workspace_.fault.say(sentence);
    if (stream_->device_slot != Stream::kNone)
        workspace_.fault.point_to_field(stream_->names.name(stream_->device_slot));
    return false;
}

void Examination::find_time() {
    if (stream_->time_slot == Stream::kNone) return;
    Known& known = workspace_.index.known(stream_->time_slot);
    (void)text_of(known);
    const auto wall = parse_event_time(known, stream_->time_format);
    const Nanoseconds arrival = message_.arrival;
    const bool plausible = wall && *wall >= kEarliestEventTime &&
                           (*wall <= arrival || *wall - arrival <= stream_->max_future);
    if (plausible) {
        examined_.record.event_time = *wall;
    } else {
        examined_.record.flags |= kEventTimeReplaced;
    }
}

void Examination::find_sequence() {
    if (stream_->sequence_slot == Stream::kNone) return;
    const Known& known = workspace_.index.known(stream_->sequence_slot);
    if (known.kind != Kind::integer && known.kind != Kind::number) return;
    const auto end = known.text + known.size;
    const auto outcome = std::from_chars(known.text, end, examined_.record.sequence);
    if (outcome.ec == std::errc{} && outcome.ptr == end) examined_.record.flags |= kHasSequence;
}

bool Examination::check_fields() {
    for (const FieldRule& rule : stream_->rules) {
        Known& known = workspace_.index.known(rule.slot);
        if (absent(known) ? rule.required && !invalid_field(rule, "is required")
                          : !check_field(rule, known))
            return false;
    }
    return true;
}

bool Examination::check_field(const FieldRule& rule, Known& known) {
    if (!has_type(rule.type, known.kind)) return invalid_field(rule, type_sentence(rule.type));
    if (rule.bounded || !rule.numbers.empty()) return check_number(rule, known);
    if (rule.max_length || !rule.texts.empty()) return check_text(rule, known);
    return true;
}

bool Examination::check_number(const FieldRule& rule, Known& known) {
    const double number = number_of(known);
    if (number < rule.min || number > rule.max) {
        invalid_field(rule, number < rule.min ? "must be at least " : "must be at most ");
        workspace_.fault.say_number(number < rule.min ? rule.min : rule.max);
        return false;
    }
    const bool listed =
        rule.numbers.empty() ||
        std::find(rule.numbers.begin(), rule.numbers.end(), number) != rule.numbers.end();
    return listed || invalid_field(rule, "must be one of the values that are configured");
}

bool Examination::check_text(const FieldRule& rule, Known& known) {
    const std::string_view text = text_of(known);
    if (rule.max_length && text.size() > *rule.max_length && characters(text) > *rule.max_length) {
        invalid_field(rule, "must not be longer than ");
        workspace_.fault.say_number(std::uint64_t{*rule.max_length});
        workspace_.fault.say(" characters");
        return false;
    }
    const bool listed = rule.texts.empty() ||
                        std::find(rule.texts.begin(), rule.texts.end(), text) != rule.texts.end();
    return listed || invalid_field(rule, "must be one of the values that are configured");
}

bool Examination::invalid_field(const FieldRule& rule, std::string_view sentence) {
    const std::string& name = stream_->names.name(rule.slot);
    workspace_.fault.begin(Refusal::invalid_field);
    workspace_.fault.say(std::string_view(name).substr(0, 80));
    workspace_.fault.say(" ");
    workspace_.fault.say(sentence);
    workspace_.fault.point_to_field(name);
    return false;
}

/// A string without its escapes, any other scalar as it stands. Escapes are resolved once, so that
/// all texts together fit into what was reserved and none of them moves.
std::string_view Examination::text_of(Known& known) {
    if (!known.escaped) return known.view();
    CharBuffer& buffer = workspace_.text;
    const std::size_t begin = buffer.size();
    append_decoded(known.view(), buffer);
    const std::string_view text = buffer.view(begin, buffer.size() - begin);
    known.text = text.data();
    known.size = static_cast<std::uint32_t>(text.size());
    known.escaped = false;
    return text;
}

Value Examination::value_of(Known& known) {
    switch (known.kind) {
        case Kind::boolean:
            return Value::of(known.size == 4);  // true, not false
        case Kind::integer:
        case Kind::number:
            return Value::of(number_of(known));
        case Kind::string:
            return Value::of(text_of(known));
        default:
            break;
    }
    Value value;
    value.present = !absent(known);
    return value;
}

void Examination::read_values() {
    workspace_.values.resize(stream_->names.size());
    for (const std::uint16_t slot : stream_->read)
        workspace_.values[slot] = value_of(workspace_.index.known(slot));
}

void Examination::derive() {
    for (const DeriveRule& rule : stream_->derived) {
        const Value value = rule.program.run(workspace_.values);
        workspace_.values[rule.slot] = value;
        workspace_.index.known(rule.slot).entry = Known::kNoEntry;
        if (value.kind != Value::Kind::missing) add_derived(rule, value);
    }
}

void Examination::add_derived(const DeriveRule& rule, const Value& value) {
    FieldIndex& index = workspace_.index;
    FieldIndex::Entry& made = index.next();
    made.flags = RecordParts::kDerived | RecordParts::kNameInAnnex | RecordParts::kTextInAnnex;
    made.name_offset = static_cast<std::uint32_t>(index.annex.size());
    made.name_size = static_cast<std::uint16_t>(rule.name.size());
    index.annex.append(rule.name);
    made.text_offset = static_cast<std::uint32_t>(index.annex.size());
    if (value.kind == Value::Kind::number) {
        char text[kNumberTextSize];
        index.annex.append({text, write_number(value.number, text)});
        const std::string_view written =
            index.annex.view(made.text_offset, index.annex.size() - made.text_offset);
        const bool integer =
            written.find_first_of(".e") == std::string_view::npos && written.size() <= 18;
        made.type = integer ? FieldType::integer : FieldType::number;
    } else if (value.kind == Value::Kind::boolean) {
        index.annex.append(value.truth ? "true" : "false");
        made.type = FieldType::boolean;
    } else {
        index.annex.append(value.text);  // not escaped: readers escape what does not say `escaped`
        made.type = FieldType::string;
    }
    made.text_size = static_cast<std::uint32_t>(index.annex.size() - made.text_offset);
    index.known(rule.slot).entry = index.last();
}

std::string_view Examination::status() const {
    for (const StatusRule& rule : stream_->statuses) {
        if (rule.when.holds(workspace_.values)) return rule.status;
    }
    return stream_->otherwise;
}

void Examination::collect_metrics() {
    workspace_.metrics.clear();
    for (const ScoredField& scored : stream_->scored) {
        const Value& value = workspace_.values[scored.slot];
        if (value.kind != Value::Kind::number) continue;
        workspace_.metrics.push_back(
            {scored.metric, workspace_.index.known(scored.slot).entry, value.number}
        );
    }
}

}  // namespace penstock::inspect
