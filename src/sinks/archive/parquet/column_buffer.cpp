#include "sinks/archive/parquet/column_buffer.h"

#include "sinks/archive/parquet/page.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <unordered_map>

namespace penstock::sinks::parquet {

namespace {

/// A dictionary has at most so many bytes, and a share of distinct values.
constexpr std::size_t kDictionaryBytesMax = std::size_t{1} << 20;
/// So many values decide early that nothing repeats.
constexpr std::size_t kEarly = 1024;
/// Values whose size is measured to choose between encodings.
constexpr std::size_t kSample = 2048;

/// Does a dictionary of this size still pay, after so many values? Half of them may be new.
bool pays(std::size_t distinct, std::size_t values) noexcept {
    return values < kEarly || distinct <= values / 2;
}

}  // namespace

void ColumnBuffer::present() {
    ++rows_;
    if (column_.optional) levels_.push_back(1);
}

void ColumnBuffer::add_null() {
    ++rows_;
    levels_.push_back(0);
}

void ColumnBuffer::add(std::int64_t value) {
    present();
    numbers_.push_back(static_cast<std::uint64_t>(value));
}

void ColumnBuffer::add(double value) {
    present();
    numbers_.push_back(std::bit_cast<std::uint64_t>(value));
}

void ColumnBuffer::add(bool value) {
    present();
    booleans_.push_back(value ? 1 : 0);
}

void ColumnBuffer::add(std::string_view value) {
    present();
    texts_ += value;
    ends_.push_back(static_cast<std::uint32_t>(texts_.size()));
}

std::size_t ColumnBuffer::bytes() const noexcept {
    return levels_.size() * sizeof(levels_[0]) + numbers_.size() * sizeof(numbers_[0]) +
           booleans_.size() + texts_.size() + ends_.size() * sizeof(ends_[0]);
}

std::size_t ColumnBuffer::value_count() const noexcept {
    return numbers_.size() + booleans_.size() + ends_.size();
}

std::string_view ColumnBuffer::text(std::size_t i) const noexcept {
    const std::size_t from = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(texts_).substr(from, ends_[i] - from);
}

template <class Key, class At>
ColumnBuffer::Dictionary ColumnBuffer::dictionary_of(std::size_t count, At at) const {
    Dictionary made;
    made.indices.reserve(count);
    std::unordered_map<Key, std::uint32_t> known;
    for (std::size_t i = 0; i < count; ++i) {
        const Key key = at(i);
        const auto [place, fresh] = known.try_emplace(key, made.size);
        made.indices.push_back(place->second);
        if (!fresh) continue;
        ++made.size;
        if constexpr (std::is_same_v<Key, std::string_view>) {
            append_plain_bytes(key, made.plain);
        } else {
            append_plain(std::span(&key, 1), made.plain);
        }
        if (made.plain.size() > kDictionaryBytesMax || !pays(made.size, i + 1)) return made;
    }
    made.good = made.size <= std::max<std::size_t>(1, count / 2);
    return made;
}

ColumnBuffer::Dictionary ColumnBuffer::dictionary() const {
    const bool whole_values = column_.meaning == Meaning::timestamp;
    if (column_.type == Type::boolean || value_count() == 0 || whole_values) return {};
    if (column_.type == Type::byte_array)
        return dictionary_of<std::string_view>(ends_.size(), [this](auto i) { return text(i); });
    return dictionary_of<std::uint64_t>(numbers_.size(), [this](auto i) { return numbers_[i]; });
}

/// Texts without a dictionary are plain. Numbers: what compresses a sample best, against the size
/// that a dictionary would have.
Encoding ColumnBuffer::choose(const Dictionary& dictionary, ZstdWriter& zstd) const {
    if (column_.type == Type::boolean || value_count() == 0) return Encoding::plain;
    if (column_.type == Type::byte_array)
        return dictionary.good ? Encoding::rle_dictionary : Encoding::plain;
    const bool integer = column_.type == Type::int64;
    const Encoding other = integer ? Encoding::delta_binary_packed : Encoding::byte_stream_split;
    const Range sample{0, 0, std::min(numbers_.size(), kSample)};
    std::string bytes;
    const auto size = [&](Encoding encoding) {
        bytes.clear();
        append_values(sample, encoding, {}, bytes);
        std::string compressed;
        zstd.whole(bytes, compressed);
        return compressed.size();
    };
    const std::size_t plain = size(Encoding::plain);
    const std::size_t better = size(other);
    const Encoding best = better < plain ? other : Encoding::plain;
    if (!dictionary.good) return best;
    std::string compressed;
    zstd.whole(dictionary.plain, compressed);
    std::string indices;
    append_hybrid(dictionary.indices, bit_width_of(dictionary.size - 1), indices);
    zstd.whole(indices, compressed);
    const std::size_t expected = std::min(plain, better) * numbers_.size() / sample.last;
    return compressed.size() < expected ? Encoding::rle_dictionary : best;
}

void ColumnBuffer::append_values(
    const Range& range, Encoding encoding, const Dictionary& dictionary, std::string& page
) const {
    const std::size_t count = range.last - range.first;
    if (encoding == Encoding::rle_dictionary) {
        const unsigned width = bit_width_of(dictionary.size - 1);
        page += static_cast<char>(static_cast<std::uint8_t>(width));
        append_hybrid(std::span(dictionary.indices).subspan(range.first, count), width, page);
    } else if (column_.type == Type::byte_array) {
        for (std::size_t i = range.first; i < range.last; ++i)
            append_plain_bytes(text(i), page);
    } else if (column_.type == Type::boolean) {
        append_plain_booleans(std::span(booleans_).subspan(range.first, count), page);
    } else {
        const auto values = std::span(numbers_).subspan(range.first, count);
        if (encoding == Encoding::delta_binary_packed) {
            const auto* first = reinterpret_cast<const std::int64_t*>(values.data());
            append_delta_binary_packed({first, count}, page);
        } else if (encoding == Encoding::byte_stream_split) {
            append_byte_stream_split(values, page);
        } else {
            append_plain(values, page);
        }
    }
}

/// A page's definition levels: 4 bytes of size, then a hybrid of one bit each.
void ColumnBuffer::append_levels(std::size_t first_row, std::size_t rows, std::string& page) const {
    if (!column_.optional) return;
    std::string levels;
    append_hybrid(std::span(levels_).subspan(first_row, rows), 1, levels);
    append_plain_bytes(levels, page);
}

/// As many rows from `row` on as fit a page.
ColumnBuffer::Range ColumnBuffer::next_page(std::size_t row, std::size_t value, Encoding encoding)
    const {
    Range range{0, value, value};
    std::size_t bytes = 0;
    for (; row < rows_; ++row, ++range.rows) {
        if (column_.optional && levels_[row] == 0) continue;
        std::size_t size = sizeof(std::uint64_t);
        if (column_.type == Type::byte_array && encoding == Encoding::plain)
            size = sizeof(std::uint32_t) + text(range.last).size();
        if (bytes > 0 && bytes + size > kPageBytes) break;
        bytes += size;
        ++range.last;
    }
    return range;
}

Chunk ColumnBuffer::write(ZstdWriter& zstd, std::string& out) {
    Chunk chunk{.statistics = Statistics(column_)};
    for (std::size_t i = value_count(); i < rows_; ++i)
        chunk.statistics.add_null();
    for (const std::uint64_t bits : numbers_) {
        if (column_.type == Type::int64) {
            chunk.statistics.add(static_cast<std::int64_t>(bits));
        } else {
            chunk.statistics.add(std::bit_cast<double>(bits));
        }
    }
    for (const std::uint8_t value : booleans_)
        chunk.statistics.add(value != 0);
    if (column_.meaning == Meaning::text) {
        for (std::size_t i = 0; i < ends_.size(); ++i)
            chunk.statistics.add(text(i));
    }

    const Dictionary words = dictionary();
    chunk.encoding = choose(words, zstd);
    chunk.values = static_cast<std::int64_t>(rows_);
    const std::size_t from = out.size();
    PageWriter pages(zstd, out);
    if (chunk.encoding == Encoding::rle_dictionary) {
        chunk.dictionary_at = from;
        pages.dictionary(words.plain, words.size);
    }
    chunk.data_at = out.size();
    std::string page;
    for (std::size_t row = 0, value = 0; row < rows_;) {
        const Range range = next_page(row, value, chunk.encoding);
        page.clear();
        append_levels(row, range.rows, page);
        append_values(range, chunk.encoding, words, page);
        pages.data(page, range.rows, chunk.encoding);
        row += range.rows;
        value = range.last;
    }
    chunk.compressed_bytes = static_cast<std::int64_t>(out.size() - from);
    chunk.bytes = static_cast<std::int64_t>(pages.bytes());
    *this = ColumnBuffer(std::move(column_));
    return chunk;
}

}  // namespace penstock::sinks::parquet
