#include "inspect/form.h"

#include "inspect/json_walk.h"
#include "inspect/strict_json.h"
#include "inspect/support.h"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <tuple>
#include <vector>

using namespace penstock;
using namespace penstock::inspect;

namespace {

using Entry = FieldIndex::Entry;

/// All that a walk says of a payload.
struct Read {
    bool taken = false;
    std::string reason;
    std::vector<std::tuple<std::string, std::string, FieldType, int>> fields;
    std::vector<std::tuple<int, int, bool, std::size_t, std::size_t>> known;
    bool operator==(const Read&) const = default;
};

/// Walks with one stream's rules; `forms` may have seen payloads before.
class Walker {
public:
    Walker() {
        for (const char* name : {"deviceId", "n", "position.lat", "position", "list", "z"})
            names_.add(name);
    }
    Read reads(std::string_view payload, Forms& forms) {
        const Padded padded(payload);
        fault_.clear();
        Read read;
        read.taken = walk_.run(padded.view(), names_, forms, index_, fault_);
        read.reason = fault_.reason();
        if (!read.taken) return read;
        for (const Entry& entry : index_.entries()) {
            const bool annex = (entry.flags & RecordParts::kNameInAnnex) != 0;
            const std::string_view names = annex ? index_.annex.view() : padded.view();
            read.fields.emplace_back(
                names.substr(entry.name_offset, entry.name_size),
                padded.view().substr(entry.text_offset, entry.text_size),
                entry.type,
                entry.flags
            );
        }
        for (const Known& known : index_.known()) {
            const std::ptrdiff_t text =
                known.text == nullptr ? 0 : known.text - padded.view().data();
            read.known.emplace_back(
                static_cast<int>(known.kind),
                known.entry,
                known.escaped,
                static_cast<std::size_t>(text),
                known.size
            );
        }
        return read;
    }
    bool matches(std::string_view payload, Forms& forms) {
        const Padded padded(payload);
        index_.clear(names_.size());
        return forms.match(padded.view(), index_);
    }

private:
    NameTable names_{7};
    JsonWalk walk_{1024};
    FieldIndex index_{1024};
    Fault fault_;
};

const std::vector<std::string> kSeeds{
    R"({"deviceId":"w-17","n":72.5,"steps":-1204,"on":true,"timestamp":"2026-01-02T03:04:05Z"})",
    R"({"deviceId": "a,b}]", "list": [1, -2.5e-3, {"b": null, "c": [true]}], "d": {}, "n": 0})",
    R"({"position":{"lat":52.3702157,"lon":4.8951679},"list":["a","b"],"e":"","n":-0.0,"z":null})",
    R"({"e\"s":"x\ny\u00e9","n":1234567890123456789,"k":"0123456789abcdef0123456789abcdef\\","z":[]})",
    R"({"a":{"b":{"c":{"d":[[[[1]],[2]],{"e":"f"}]}}},"é":"ü","n":1e5,"l":12345678901234567})",
};

std::string mutate(std::string text, std::mt19937& random) {
    constexpr std::string_view kPieces[] = {
        "\"",   "\\",       "{",    "}",   "[",    "]",      ",",    ":",   "0",
        "-",    ".",        "e",    "\\u", "\\\"", "true",   "null", " ",   "\n",
        "\x01", "\xc3\xa9", "\xff", "1",   "a",    "\"a\":", "00",   "nul", "\"\"",
    };
    for (std::size_t times = 1 + random() % 2; times > 0 && !text.empty(); --times) {
        const std::size_t at = random() % text.size();
        const std::string_view piece = kPieces[random() % std::size(kPieces)];
        switch (random() % 4) {
            case 0:
                text.erase(at, 1 + random() % 3);
                break;
            case 1:
                text.insert(at, piece);
                break;
            case 2:
                text.replace(at, std::min(piece.size(), text.size() - at), piece);
                break;
            default:
                text[at] = static_cast<char>(
                    static_cast<unsigned char>(text[at]) ^ (1U << (random() % 8))
                );
        }
    }
    return text;
}

}  // namespace

TEST_CASE("a payload in a known form is read without a walk, whatever its scalars", "[inspect]") {
    Walker walker;
    Forms forms;
    REQUIRE(walker.reads(R"({"a":1,"b":{"c":"x"},"d":[true,{"e":2}],"f":{}})", forms).taken);
    for (const char* same :
         {R"({"a":1,"b":{"c":"x"},"d":[true,{"e":2}],"f":{}})",
          R"({"a":-2.25,"b":{"c":""},"d":[null,{"e":"long, }] long"}],"f":{}})",
          R"({"a":"q","b":{"c":1e5},"d":[0,{"e":12345678901234567890}],"f":{}})",
          R"({"a":"\"","b":{"c":"\\"},"d":["\u00e9",{"e":2}],"f":{}})",
          "{\"a\":\"\xc3\xa9\",\"b\":{\"c\":1},\"d\":[1,{\"e\":2}],\"f\":{}}"}) {
        INFO(same);
        CHECK(walker.matches(same, forms));
    }
    for (const char* other :
         {R"({"a":1,"b":{"c":"x"},"d":[true,{"e":2}],"f":{}} )",
          R"({"a": 1,"b":{"c":"x"},"d":[true,{"e":2}],"f":{}})",
          R"({"a":1 ,"b":{"c":"x"},"d":[true,{"e":2}],"f":{}})",
          R"({"a":01,"b":{"c":"x"},"d":[true,{"e":2}],"f":{}})",
          R"({"a":1.,"b":{"c":"x"},"d":[true,{"e":2}],"f":{}})",
          R"({"a":tru,"b":{"c":"x"},"d":[true,{"e":2}],"f":{}})",
          R"({"a":,"b":{"c":"x"},"d":[true,{"e":2}],"f":{}})",
          R"({"a":"x"y","b":{"c":"x"},"d":[true,{"e":2}],"f":{}})",
          R"({"a":"x""y","b":{"c":"x"},"d":[true,{"e":2}],"f":{}})",
          R"({"a":"\x","b":{"c":"x"},"d":[true,{"e":2}],"f":{}})",
          "{\"a\":\"\x01\",\"b\":{\"c\":\"x\"},\"d\":[true,{\"e\":2}],\"f\":{}}",
          "{\"a\":\"\xff\",\"b\":{\"c\":1},\"d\":[1,{\"e\":2}],\"f\":{}}",
          R"({"a":[],"b":{"c":"x"},"d":[true,{"e":2}],"f":{}})",
          R"({"a":1,"b":{"x":"x"},"d":[true,{"e":2}],"f":{}})",
          R"({"a":1,"b":{"c":"x"},"d":[true,{"e":2}],"f":{})",
          R"({"a":1,"b":{"c":"x"},"d":[true,{"e":2}],"f":[]})",
          ""}) {
        INFO(other);
        CHECK_FALSE(walker.matches(other, forms));
    }
}

TEST_CASE("a stream keeps the forms it met last, up to their bound", "[inspect]") {
    const auto payload = [](unsigned i) {
        return "{\"k" + std::to_string(i) + "\":" + std::to_string(i) + "}";
    };
    Walker walker;
    Forms forms;
    for (unsigned i = 0; i < Forms::kMax; ++i)
        REQUIRE(walker.reads(payload(i), forms).taken);
    for (unsigned i = 0; i < Forms::kMax; ++i)
        CHECK(walker.matches(payload(i), forms));
    // Each new form has to come often enough to push out the one that was not seen longest.
    for (unsigned times = 0; times < 100 && !walker.matches(payload(100), forms); ++times)
        REQUIRE(walker.reads(payload(100), forms).taken);
    CHECK(walker.matches(payload(100), forms));
    CHECK_FALSE(walker.matches(payload(0), forms));
    CHECK(walker.matches(payload(1), forms));
}

TEST_CASE("what has no form is read all the same", "[inspect]") {
    Walker walker;
    Forms forms;
    const auto wide = [](std::size_t members, std::size_t name) {
        std::string text = "{";
        for (std::size_t i = 0; i < members; ++i)
            text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + std::string(name, 'k') +
                    "\":" + std::to_string(i);
        return text + "}";
    };
    const std::string large = "{\"a\":\"" + std::string(TextMarks::kMaxSize, 'x') + "\"}";
    const std::vector<std::string> payloads{
        "{}",
        R"({"a":[]})",
        R"({"a":1 })",
        wide(Form::kMaxScalars, 0),
        wide(Form::kMaxScalars + 1, 0),
        wide(100, 200),
        wide(2, Form::kMaxPiece),
        large,
    };
    for (const std::string& text : payloads) {
        Forms fresh;
        const Read expected = walker.reads(text, fresh);
        for (int times = 0; times < 3; ++times) {
            INFO(text.substr(0, 80));
            CHECK(walker.reads(text, forms) == expected);
        }
    }
    CHECK(walker.matches(wide(Form::kMaxScalars, 0), forms));
    CHECK_FALSE(walker.matches(wide(Form::kMaxScalars + 1, 0), forms));
}

TEST_CASE("what is known of earlier payloads changes no verdict, text or fault", "[inspect][M27]") {
    const unsigned seed = Catch::rngSeed() != 0 ? Catch::rngSeed() : 20260102;
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Walker walker;
    Forms forms;
    std::size_t matched = 0;
    for (int i = 0; i < 60'000; ++i) {
        const std::string& whole = kSeeds[random() % kSeeds.size()];
        matched += walker.matches(whole, forms) ? 1U : 0U;
        (void)walker.reads(whole, forms);
        const std::string text = mutate(whole, random);
        Forms fresh;
        const Read expected = walker.reads(text, fresh);
        const Read read = walker.reads(text, forms);
        if (read == expected) continue;
        INFO(text);
        CHECK(read.reason == expected.reason);
        REQUIRE(read == expected);
    }
    CHECK(matched > 30'000);
}
