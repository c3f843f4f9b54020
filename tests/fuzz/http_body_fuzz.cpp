// A request's body: gzip and zstd are undone within their bound, and what comes out is split into
// records.
#include "fuzz.h"
#include "ingest/http/decompress.h"
#include "ingest/http/elements.h"
#include "inspect/strict_json.h"

#include <zlib.h>
#include <zstd.h>

#include <array>
#include <string>
#include <vector>

namespace penstock::ingest::http {
namespace {

using fuzz::claim;
using Outcome = Decompressor::Outcome;

constexpr std::size_t kLimit = 4096;

void check_split(std::string_view text, Format format) {
    constexpr std::size_t kMost = 64;
    std::vector<Element> elements;
    const fuzz::Block block(text);
    const auto fault = split_body(block.text(), format, kMost, elements);
    if (fault) {
        claim(fault->position <= text.size(), "a fault stands in the body");
        claim(!fault->what.empty(), "a fault says what it is");
        return;
    }
    claim(elements.size() <= kMost, "records keep their bound");
    const bool array = text.find('[') != text.npos && format != Format::lines;
    claim(!elements.empty() || array, "only an empty array has no records");
    std::size_t end = 0;
    for (const Element& element : elements) {
        claim(element.size != 0, "a record has text");
        claim(element.offset >= end, "records stand one behind the other");
        end = std::size_t{element.offset} + element.size;
        claim(end <= text.size(), "records stand in the body");
        const std::string_view part = block.text().substr(element.offset, element.size);
        constexpr std::string_view kBlanks = " \t\r\n";
        claim(
            kBlanks.find(part.front()) == kBlanks.npos && kBlanks.find(part.back()) == kBlanks.npos,
            "no blanks around a record"
        );
    }
    // What a strict reader takes for one object is one record, byte for byte.
    if (format != Format::lines && inspect::StrictJson::takes(text)) {
        claim(elements.size() == 1, "an object is one record");
        claim(
            inspect::StrictJson::takes(block.text().substr(elements[0].offset, elements[0].size)),
            "and stays one"
        );
    }
}

std::string gzipped(std::string_view text) {
    std::string out(compressBound(text.size()) + 32, '\0');
    z_stream stream{};
    deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    claim(deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib packs");
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string zstd_packed(std::string_view text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
    return out;
}

std::string_view text_of(const Decompressor::Output& output) {
    return {reinterpret_cast<const char*>(output.bytes.data()), output.bytes.size()};
}

void check_unpacking(Decompressor& decompressor, Coding coding, std::string_view text) {
    const fuzz::Block raw(text);
    const auto wild = decompressor.decompress(coding, raw.bytes());
    claim(wild.bytes.size() <= kLimit, "output keeps its bound");
    claim(wild.outcome == Outcome::done || wild.bytes.empty(), "no output of a bad body");

    const fuzz::Block packed(coding == Coding::gzip ? gzipped(text) : zstd_packed(text));
    const auto back = decompressor.decompress(coding, packed.bytes());
    if (text.size() > kLimit) {
        claim(back.outcome == Outcome::too_large, "what is too large is said to be");
    } else {
        claim(back.outcome == Outcome::done && text_of(back) == text, "what was packed comes back");
    }
    if (!packed.bytes().empty()) {
        const auto cut =
            decompressor.decompress(coding, packed.bytes().first(packed.bytes().size() - 1));
        claim(cut.outcome != Outcome::done, "what was cut short is not taken");
    }
    decompressor.release();
}

}  // namespace
}  // namespace penstock::ingest::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace penstock::ingest::http;
    static Decompressor decompressor(kLimit);
    penstock::fuzz::Input input(data, size);
    const std::size_t how = input.choice(5);
    constexpr std::array kFormats{Format::json, Format::lines, Format::any};
    if (how < kFormats.size()) {
        check_split(input.text(), kFormats[how]);
    } else {
        check_unpacking(decompressor, how == 3 ? Coding::gzip : Coding::zstd, input.text());
    }
    return 0;
}
