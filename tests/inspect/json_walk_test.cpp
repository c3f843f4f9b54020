#include "inspect/json_walk.h"

#include "inspect/strict_json.h"
#include "inspect/support.h"

#include <catch2/catch.hpp>
#include <simdjson.h>

#include <random>

using namespace penstock;
using namespace penstock::inspect;

namespace {

/// What a walk over a payload gives.
struct Walked {
    bool taken = false;
    Refusal refusal = Refusal::none;
    std::string reason;
    std::string pointer;
    std::vector<std::string> fields;  // name=text
};

class Walker {
public:
    explicit Walker(std::size_t max_fields = 1024) : walk_(max_fields), index_(max_fields) {}

    Walked walks(std::string_view payload) {
        const Padded padded(payload);
        fault_.clear();
        Walked walked;
        walked.taken = walk_.run(padded.view(), names_, forms_, index_, fault_);
        walked.refusal = fault_.refusal();
        walked.reason = fault_.reason();
        walked.pointer = fault_.pointer();
        if (!walked.taken) return walked;
        for (const auto& entry : index_.entries()) {
            const bool annex = (entry.flags & RecordParts::kNameInAnnex) != 0;
            const std::string_view names = annex ? index_.annex.view() : padded.view();
            walked.fields.push_back(
                std::string(names.substr(entry.name_offset, entry.name_size)) + "=" +
                std::string(padded.view().substr(entry.text_offset, entry.text_size))
            );
        }
        return walked;
    }

    NameTable names_{7};

private:
    JsonWalk walk_;
    Forms forms_;
    FieldIndex index_;
    Fault fault_;
};

Walked walk(std::string_view payload) {
    return Walker().walks(payload);
}

std::string nested(std::size_t levels) {
    std::string text = "{\"a\":";
    for (std::size_t i = 1; i < levels; ++i)
        text += '[';
    for (std::size_t i = 1; i < levels; ++i)
        text += ']';
    return text + "}";
}

using Fields = std::vector<std::string>;

}  // namespace

TEST_CASE("every scalar, array and empty object becomes a field with its own text", "[inspect]") {
    const Walked walked =
        walk(R"( { "a" : 1 , "b":-2.50,"c":"x\"y", "d":true,"e":null, "f":[1, {"x":2}],)"
             R"("g":{"h":false,"i":{"j":"k"}},"l":{},"m":[] } )");
    CHECK(walked.reason.empty());
    CHECK(
        walked.fields ==
        Fields{
            "a=1",
            "b=-2.50",
            "c=x\\\"y",
            "d=true",
            "e=null",
            "f=[1, {\"x\":2}]",
            "g.h=false",
            "g.i.j=k",
            "l={}",
            "m=[]",
        }
    );
}

TEST_CASE("names are decoded", "[inspect]") {
    CHECK(
        walk(R"({"h\u0065art":1,"a\"b":{"\ud83d\ude00":2}})").fields ==
        Fields{"heart=1", "a\"b.\xf0\x9f\x98\x80=2"}
    );
}

TEST_CASE("64 levels are taken and 65 are refused", "[inspect][M27]") {
    CHECK(walk(nested(64)).taken);
    const Walked deeper = walk(nested(65));
    CHECK_FALSE(deeper.taken);
    CHECK(deeper.refusal == Refusal::too_deep);
}

TEST_CASE("a million open brackets are refused without a deep stack", "[inspect][M27]") {
    CHECK(walk("{\"a\":" + std::string(1'000'000, '[')).refusal == Refusal::too_deep);
    CHECK(walk(std::string(1'000'000, '[')).refusal == Refusal::invalid_json);
    std::string objects;
    for (int i = 0; i < 1'000'000; ++i)
        objects += "{\"a\":";
    CHECK(walk(objects).refusal == Refusal::too_deep);
}

TEST_CASE("a million keys are refused", "[inspect][M27]") {
    std::string flat = "{";
    std::string inside_array = "{\"a\":[{";
    for (int i = 0; i < 1'000'000; ++i) {
        const std::string member = (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":0";
        flat += member;
        inside_array += member;
    }
    CHECK(walk(flat + "}").refusal == Refusal::too_deep);
    CHECK(walk(inside_array + "}]}").refusal == Refusal::too_deep);
}

TEST_CASE("as many fields as allowed are taken, one more is refused", "[inspect][M27]") {
    const auto payload = [](int members) {
        std::string text = "{";
        for (int i = 0; i < members; ++i)
            text += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":0";
        return text + "}";
    };
    CHECK(walk(payload(1024)).fields.size() == 1024);
    CHECK(walk(payload(1025)).refusal == Refusal::too_deep);
    Walker wide(16'384);
    CHECK(wide.walks(payload(16'384)).taken);
    CHECK(wide.walks(payload(3)).fields.size() == 3);
}

TEST_CASE("a key that stands twice in an object is refused wherever it stands", "[inspect][M27]") {
    const Walked twice = walk(R"({"a":1,"b":{"c":[1,{"d":1,"\u0064":2}]}})");
    CHECK(twice.refusal == Refusal::invalid_json);
    CHECK(twice.reason == "invalid_json: the key 'd' stands twice in an object");
    CHECK(twice.pointer == R"(/b/c/1/\u0064)");
    CHECK_FALSE(walk(R"({"a":1,"a":1})").taken);
    CHECK(walk(R"({"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]})").taken);
}

TEST_CASE("payloads that leave out, add or swap keys of earlier ones are read alike", "[inspect]") {
    Walker walker;
    walker.names_.add("c");
    const std::vector<std::string> payloads{
        R"({"a":1,"b":2,"c":3,"d":4})",
        R"({"a":1,"c":3,"d":4})",
        R"({"d":4})",
        R"({"a":1,"b":2})",
        R"({"b":2,"a":1,"d":4,"c":3})",
        R"({"a":1,"x":2,"c":3})",
        R"({})",
        R"({"a":1,"b":2,"c":3})",
        R"({"a":{"a":1,"b":2},"b":[{"a":1}],"c":3,"d":4})",
        R"({"a":1,"bb":2,"c":3})",
        R"({"a":1,"":2})",
        R"({"a" :1 , "b": 2,"c":3,"d":4,"e":5})",
    };
    const std::vector<std::string> twice{
        R"({"a":1,"b":2,"a":3})",
        R"({"a":1,"b":2,"c":3,"b":4})",
        R"({"x":1,"a":2,"x":3})",
        R"({"a":1,"b":2,"c":3,"d":4,"d":4})",
        R"({"a":1,"b":2,"a":3})",
        R"({"a":1,"a":1})",
        R"({"b":1,"a":2,"b":3})",
        R"({"a":{"x":1,"x":2},"b":2})",
    };
    std::mt19937 random(1);
    for (int i = 0; i < 5'000; ++i) {
        const std::string& payload = payloads[random() % payloads.size()];
        INFO(payload);
        const Walked walked = walker.walks(payload);
        REQUIRE(walked.taken);
        REQUIRE(walked.fields == walk(payload).fields);
        if (random() % 3 != 0) continue;
        const std::string& wrong = twice[random() % twice.size()];
        INFO(wrong);
        REQUIRE_FALSE(walker.walks(wrong).taken);
    }
}

TEST_CASE("wide payloads are read alike however often they come", "[inspect]") {
    const auto payload = [](int members, std::size_t length) {
        std::string text = "{";
        for (int i = 0; i < members; ++i)
            text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + std::string(length, 'k') + "\":0";
        return text;
    };
    Walker walker;
    for (const int members : {255, 256, 257, 300, 3}) {
        for (const std::size_t length : {0U, 12U, 13U, 14U, 15U, 30U, 60U}) {
            INFO(members << " " << length);
            const std::string open = payload(members, length);
            for (int times = 0; times < 5; ++times) {
                REQUIRE(walker.walks(open + "}").taken);
                REQUIRE_FALSE(walker.walks(open + ",\"1" + std::string(length, 'k') + "\":1}").taken
                );
            }
        }
    }
}

TEST_CASE("a dotted and a nested name clash only where a rule mentions them", "[inspect]") {
    CHECK(walk(R"({"a.b":1,"a":{"b":2}})").taken);
    Walker walker;
    walker.names_.add("a.b");
    CHECK_FALSE(walker.walks(R"({"a.b":1,"a":{"b":2}})").taken);
}

TEST_CASE("numbers follow the grammar and fit a double", "[inspect][M27]") {
    for (const char* good :
         {"0",
          "-0",
          "1",
          "-1",
          "10",
          "0.5",
          "-0.25",
          "1e5",
          "1E+5",
          "1e-5",
          "1.5e300",
          "1e-400",
          "9223372036854775807",
          "-9223372036854775808",
          "18446744073709551616",
          "123456789012345",
          "1234567890123456",
          "12345678901234567",
          "0.12345678901234567890",
          "1234567.12345678",
          "-1234567.1234567",
          "0e999999999999",
          "0.0000000000000000000000001e20"}) {
        INFO(good);
        CHECK(walk(std::string("{\"a\":") + good + "}").fields == Fields{std::string("a=") + good});
        CHECK(walk(std::string("{\"a\":[") + good + ",1]}").taken);
    }
    for (const char* bad :
         {"01",
          "-",
          "+1",
          ".5",
          "1.",
          "1.e5",
          "1e",
          "1e+",
          "--1",
          "0x10",
          "1_000",
          "NaN",
          "-NaN",
          "Infinity",
          "-Infinity",
          "1e400",
          "-1e400",
          "1e99999999999999999999",
          "00",
          "-01",
          "1.5.5",
          "1e5.5",
          "1234567890123456.",
          "123456789012345e",
          "1a"}) {
        INFO(bad);
        CHECK(walk(std::string("{\"a\":") + bad + "}").refusal == Refusal::invalid_json);
    }
    const std::string long_number(400, '9');
    CHECK_FALSE(walk("{\"a\":" + long_number + "}").taken);
    CHECK(walk("{\"a\":0." + long_number + "}").taken);
}

TEST_CASE("an integer that fits 64 signed bits is one, others are numbers", "[inspect]") {
    const auto type = [](const char* text) {
        const Padded padded(text);
        return scan_number(padded.view().data(), padded.view().data() + padded.view().size() - 1)
            .type;
    };
    CHECK(type("9223372036854775807,") == FieldType::integer);
    CHECK(type("9223372036854775808,") == FieldType::number);
    CHECK(type("-9223372036854775808,") == FieldType::integer);
    CHECK(type("-9223372036854775809,") == FieldType::number);
    CHECK(type("1.0,") == FieldType::number);
    CHECK(type("1e2,") == FieldType::number);
}

TEST_CASE(
    "strings hold no control characters, unknown escapes or lone surrogates", "[inspect][M27]"
) {
    for (const char* good :
         {R"("")",
          R"("\"\\\/\b\f\n\r\t\u00e9")",
          R"("\ud83d\ude00")",
          "\"\x7f\"",
          "\"\xc3\xa9\"",
          R"("0123456789abcdef")",
          R"("0123456789abcde\\")",
          R"("\u0000")"}) {
        INFO(good);
        CHECK(walk(std::string("{\"a\":") + good + "}").taken);
    }
    for (const char* bad :
         {"\"\n\"",
          "\"\x01\"",
          R"("\x")",
          R"("\u12")",
          R"("\u123g")",
          R"("\ud800")",
          R"("\ud800x")",
          R"("\udc00")",
          R"("\ud800\ud800")",
          R"("\ud800\u0041")",
          R"("\ud83d\n")",
          "\"abc",
          "'a'",
          "\"\xc3\"",
          "\"\xed\xa0\x80\"",
          "\"\xc0\xaf\"",
          "\"\xf5\x80\x80\x80\"",
          "\"\xff\""}) {
        INFO(bad);
        CHECK(walk(std::string("{\"a\":") + bad + "}").refusal == Refusal::invalid_json);
    }
}

TEST_CASE("what is not one whole object is refused", "[inspect]") {
    for (const char* bad :
         {"",
          " ",
          "{",
          "}",
          "{}x",
          "{} {}",
          "{},",
          "[]",
          "[1]",
          "1",
          "\"a\"",
          "null",
          "{\"a\"}",
          "{\"a\":}",
          "{\"a\":1,}",
          "{,}",
          "{\"a\":1 \"b\":2}",
          "{\"a\":1]",
          "{\"a\":[1}",
          "{\"a\":[1,]}",
          "{a:1}",
          "{\"a\":1",
          "{\"a\":[1",
          "{\"a\":{",
          "{\"a\" 1}",
          "{\"a\":tru}",
          "{\"a\":truex}",
          "{\"a\":nul",
          "{\"a\":1}\\u0000",
          "{\"a\"::1}",
          "{\"a\":1,,\"b\":2}",
          "\xef\xbb\xbf{}",
          "{\"a\":/*x*/1}",
          "{\"a\":1}//",
          "{\"a\":[,1]}",
          "{\"a\":[1,,2]}",
          "{1:2}",
          "{\"a\":1\f}"}) {
        INFO(bad);
        CHECK(walk(bad).refusal == Refusal::invalid_json);
    }
    CHECK_FALSE(walk(std::string_view("{}\0", 3)).taken);
    CHECK(walk("{}").taken);
    CHECK(walk("\t\r\n {\t\"a\"\r:\n[ ] } \n").taken);
}

TEST_CASE("nothing behind the end of a payload completes it", "[inspect]") {
    const std::string whole = R"({"a":"b","c":[1,{"d":12.5e3,"e":true}],"f":null,"g":"\u00e9"})";
    for (std::size_t size = 0; size < whole.size(); ++size) {
        INFO(size);
        CHECK_FALSE(walk(whole.substr(0, size)).taken);
    }
    CHECK(walk(whole).taken);
}

TEST_CASE("a fault is told with its byte and the pointer to its value", "[inspect]") {
    const Walked walked = walk(R"({"a":1,"b":{"c/d":[1,2,tru]}})");
    CHECK(walked.reason == "invalid_json: something that is no value at byte 23");
    CHECK(walked.pointer == "/b/c~1d/2");
}

TEST_CASE("a name longer than 1024 bytes is refused, dotted or not", "[inspect]") {
    const std::string key(1024, 'k');
    CHECK(walk("{\"" + key + "\":1}").taken);
    CHECK(walk("{\"" + key + "k\":1}").refusal == Refusal::too_large);
    CHECK(walk("{\"" + key + "\":{\"a\":1}}").refusal == Refusal::too_large);
    CHECK(walk("{\"" + key.substr(2) + "\":{\"a\":1}}").taken);
    CHECK(walk("{\"" + key.substr(1) + "\":{\"a\":1}}").refusal == Refusal::too_large);
    CHECK(walk("{\"" + key.substr(1) + "\":{}}").taken);
}

namespace {

/// The rules that we add to the DOM's, checked on its result: the root is an object, keys are
/// unique.
bool oracle_rules(const simdjson::dom::element& element) {
    if (element.is_array()) {
        const simdjson::dom::array array = element.get_array().value_unsafe();
        for (const auto child : array)
            if (!oracle_rules(child)) return false;
    }
    if (element.is_object()) {
        std::vector<std::string_view> keys;
        const simdjson::dom::object object = element.get_object().value_unsafe();
        for (const auto [key, child] : object) {
            if (std::find(keys.begin(), keys.end(), key) != keys.end()) return false;
            keys.push_back(key);
            if (!oracle_rules(child)) return false;
        }
    }
    return true;
}

enum class Verdict { yes, no, differs };

/// simdjson's DOM, an independent judge. It refuses integers beyond 64 bits, which RFC 8259 allows
/// and we take.
Verdict judge(simdjson::dom::parser& parser, const std::string& text) {
    simdjson::dom::element element;
    const auto error = parser.parse(text).get(element);
    if (error == simdjson::NUMBER_ERROR) return Verdict::differs;
    if (error) return Verdict::no;
    return element.is_object() && oracle_rules(element) ? Verdict::yes : Verdict::no;
}

std::string mutate(std::string text, std::mt19937& random) {
    constexpr std::string_view kPieces[] = {
        "\"",   "\\",       "{",        "}",    "[",       "]",       ",",      ":",    "0",  "-",
        ".",    "e",        "E5",       "\\u",  "\\ud83d", "\\udc00", "true",   "null", " ",  "\n",
        "\x01", "\xc3\xa9", "\xe2\x82", "\xff", "1",       "a",       "\"a\":", "00",   "//",
    };
    const auto below = [&random](std::size_t n) { return random() % n; };
    for (std::size_t times = 1 + below(3); times > 0 && !text.empty(); --times) {
        const std::size_t at = below(text.size());
        const std::string_view piece = kPieces[below(std::size(kPieces))];
        switch (below(5)) {
            case 0:
                text.erase(at, 1 + below(3));
                break;
            case 1:
                text.insert(at, piece);
                break;
            case 2:
                text.replace(at, std::min<std::size_t>(piece.size(), text.size() - at), piece);
                break;
            case 3:
                text[at] =
                    static_cast<char>(static_cast<unsigned char>(text[at]) ^ (1U << below(8)));
                break;
            default:
                text.insert(below(text.size()), text.substr(at, below(12)));
        }
    }
    return text;
}

}  // namespace

TEST_CASE("a payload is taken exactly when two independent parsers take it", "[inspect][M27]") {
    const std::vector<std::string> seeds{
        R"({"deviceId":"w-17","heartRate":72.5,"steps":1204,"timestamp":"2026-01-02T03:04:05Z"})",
        R"({ "a" : [ 1, -2.5e-3, {"b": null, "c": [true, false, "x\ny\u00e9\ud83d\ude00"]} ], "d": {} })",
        R"({"position":{"lat":52.3702157,"lon":4.8951679},"tags":["a","b"],"e":"","f":0,"g":-0.0})",
        R"({"long":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\\","n":1234567890123456789})",
        R"({"a":{"b":{"c":{"d":[[[[1]],[2]],{"e":"f"}]}}},"\u0061b":"\/","é":"ü"})",
    };
    const unsigned seed = Catch::rngSeed() != 0 ? Catch::rngSeed() : 20260102;
    INFO("seed " << seed);
    std::mt19937 random(seed);
    simdjson::dom::parser parser;
    Walker walker;
    int taken = 0;
    int refused = 0;
    for (int i = 0; i < 60'000; ++i) {
        const std::string text = mutate(seeds[random() % seeds.size()], random);
        const Verdict verdict = judge(parser, text);
        const Walked ours = walker.walks(text);
        if (simdjson::validate_utf8(text) && ours.taken != StrictJson::takes(text)) {
            INFO(text);
            INFO(ours.reason);
            CHECK(ours.taken == StrictJson::takes(text));
        }
        if (verdict == Verdict::differs) continue;
        (verdict == Verdict::yes ? taken : refused) += 1;
        if (ours.taken != (verdict == Verdict::yes)) {
            INFO(text);
            INFO(ours.reason);
            CHECK(ours.taken == (verdict == Verdict::yes));
        }
    }
    CHECK(taken > 3'000);
    CHECK(refused > 10'000);
}
