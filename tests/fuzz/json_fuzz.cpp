// A device's payload, from its bytes to the record and back out as JSON; judged by a second, slow
// reader.
#include "base/json_text.h"
#include "base/record_json.h"
#include "fuzz.h"
#include "inspect/strict_json.h"
#include "inspect/support.h"
#include "inspect/text_marks.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>

namespace penstock::inspect {
namespace {

using fuzz::claim;
using Outcome = Examined::Outcome;

constexpr std::size_t kPayloadMax = 4096;

/// Every kind of rule once; bounds that short inputs reach.
const std::string kStreams = R"yaml(
payload: { max_size: 4KiB, max_fields: 24 }
streams:
  plain:
    topics: ["p/#"]
  full:
    topics: ["f/+"]
    device: { field: id }
    time: { field: t }
    sequence: seq
    fields:
      n: { type: number, min: -5, max: 250, required: true }
      i: { type: integer, enum: [1, 2, 3] }
      s: { type: string, max_length: 4, enum: [a, b, "é", abcd] }
      b: { type: boolean }
      o.p: { type: number }
    derive:
      twice: "n * 2"
      long: "length(s) > 2"
      any: "default(o.p, if(b, 'yes', s))"
    status:
      - { when: "n > 140 and not exists(s)", is: HIGH }
      - { when: "contains(s, 'b') or twice == 10", is: ODD }
      - { otherwise: NORMAL }
    score: [n, twice]
  strict:
    topics: ["s"]
    device: { topic_level: 1 }
    time: { field: t, format: iso8601 }
    fields: { n: { type: integer, required: true } }
    on_invalid: refuse
  epoch:
    topics: ["e"]
    device: { client_id: true }
    time: { field: t, format: ms, max_future: 100h }
)yaml";

bool within(std::string_view part, std::string_view whole) {
    return part.empty() || (part.data() >= whole.data() &&
                            part.data() + part.size() <= whole.data() + whole.size());
}

void check_record(const Examined& examined, std::string_view payload) {
    std::vector<std::byte> bytes(encoded_size(examined.record));
    claim(encode(examined.record, bytes) == bytes.size(), "a record is as long as it says");
    const auto parsed = RecordView::parse(bytes);
    claim(parsed.ok(), "a record that was written can be read");
    const RecordView& record = *parsed;
    const bool cut = examined.refusal == Refusal::too_large && payload.size() > kPayloadMax;
    claim(
        record.payload() == (cut ? payload.substr(0, kPayloadMax) : payload),
        "the payload stays as it came, one that is too large as far as its bound"
    );
    claim(record.quarantined() == (examined.outcome == Outcome::quarantined), "quarantined or not");
    claim(record.quarantined() != record.reason().empty(), "a quarantined record has a reason");
    claim(record.device().size() <= kMaxDeviceSize, "a device id keeps its bound");
    for (std::uint16_t i = 0; i < record.field_count(); ++i) {
        const Field field = record.field(i);
        claim(
            field.derived || within(field.text, record.payload()),
            "a field's text stands in the payload"
        );
        const bool number = field.type == FieldType::integer || field.type == FieldType::number;
        claim(!number || (field.number() && std::isfinite(*field.number())), "numbers are finite");
        std::string unescaped;
        if (field.type == FieldType::string) append_unescaped(field, unescaped);
        claim(valid_utf8(unescaped), "texts are UTF-8");
    }
    static const RecordJson json{JournalId{}};
    std::string line;
    json.append({7}, record, line);
    claim(StrictJson::takes(line), "a record's JSON is JSON");
    claim(valid_utf8(line), "a record's JSON is UTF-8");
    claim(line.find('\n') == line.npos, "a record's JSON is one line");
}

void check_marks(std::string_view text) {
    const fuzz::Block block(text, 2 * kPayloadPadding);
    static TextMarks best;
    static TextMarks plain;
    const bool found = best.find(block.text());
    claim(found == plain.find_plain(block.text()), "every processor finds marks, or none does");
    if (!found) return;
    claim(
        std::ranges::equal(
            std::span(best.ends(), best.end_count()), std::span(plain.ends(), plain.end_count())
        ),
        "every processor finds the same ends"
    );
    claim(
        best.quotes() == plain.quotes() && best.ascii() == plain.ascii() &&
            best.escapes() == plain.escapes(),
        "every processor finds the same marks"
    );
}

void check(const Examined& examined, std::string_view payload, bool schemaless) {
    // The slow reader knows no bounds of fields and sizes: what it takes may still be refused.
    const bool sound = StrictJson::takes(payload) && valid_utf8(payload);
    if (examined.outcome == Outcome::accepted) {
        claim(sound, "only well-formed payloads are accepted");
        claim(
            examined.refusal == Refusal::none && examined.reason.empty(),
            "accepted without a reason"
        );
    } else {
        claim(
            examined.refusal != Refusal::none && !examined.reason.empty(), "a refusal has a reason"
        );
        claim(examined.metrics.empty(), "only accepted records are scored");
        claim(examined.reason.size() <= 200, "a reason keeps its bound");
        if (sound && schemaless)
            claim(
                examined.refusal == Refusal::too_large || examined.refusal == Refusal::too_deep,
                "without a schema only bounds refuse"
            );
    }
    for (const Metric& metric : examined.metrics)
        claim(std::isfinite(metric.value), "scored values are finite");
}

}  // namespace
}  // namespace penstock::inspect

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock;
    using namespace penstock::inspect;
    static const auto inspector = Inspector::create(config_of(kStreams), 42);
    Workspace workspace(inspector.value()->max_fields());
    fuzz::Input input(data, size);
    constexpr std::string_view kTopics[] = {"p/1/2", "f/x", "s", "e", "none"};
    const std::size_t topic = input.choice(5);
    const bool over_http = input.choice(8) == 7;
    const fuzz::Block block(input.text(), kPayloadPadding);
    Message message;
    message.source = over_http ? Source::http : Source::mqtt;
    if (over_http) message.stream = "full";
    if (!over_http) message.topic = kTopics[topic];
    message.client_id = "c";
    message.payload = block.text();
    message.arrival = kArrival;
    check_marks(block.text());
    // Twice: the second time it meets what the first has taught the workspace.
    std::optional<Outcome> first;
    for (int i = 0; i < 2; ++i) {
        const Examined examined = inspector.value()->examine(message, workspace);
        if (first) fuzz::claim(*first == examined.outcome, "the same payload, the same answer");
        first = examined.outcome;
        check(examined, block.text(), !over_http && topic == 0);
        if (examined.outcome != Outcome::refused) check_record(examined, block.text());
    }
    return 0;
}
