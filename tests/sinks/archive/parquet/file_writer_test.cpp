// Files of random columns, read back by pyarrow and DuckDB.
#include "sinks/archive/parquet/file_writer.h"

#include "sinks/archive/parquet/readers.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <random>

using namespace penstock;
using namespace penstock::sinks;
using namespace penstock::sinks::parquet;
using test::ParquetReaders;

namespace {

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t bound) {
    return random() % bound;
}

struct Kind {
    const char* name;
    Type type;
    Meaning meaning;
};
constexpr std::array<Kind, 7> kKinds{
    Kind{"boolean", Type::boolean, Meaning::none},
    Kind{"int64", Type::int64, Meaning::none},
    Kind{"timestamp", Type::int64, Meaning::timestamp},
    Kind{"float64", Type::float64, Meaning::none},
    Kind{"text", Type::byte_array, Meaning::text},
    Kind{"json", Type::byte_array, Meaning::json},
    Kind{"bytes", Type::byte_array, Meaning::none},
};

std::string hex_of(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
        std::array<char, 3> digits{};
        std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned char>(c));
        out += digits.data();
    }
    return out;
}

/// How the values of a column come about: each way suits another encoding.
enum class Manner : std::uint8_t { few, steps, wild };

/// Puts random values into one column and notes them as readers.py wants them.
class Player {
public:
    Player(const Kind& kind, bool optional, Random& random)
        : kind_(kind),
          optional_(optional),
          nulls_(below(random, 4)),
          manner_(static_cast<Manner>(below(random, 3))),
          number_(static_cast<std::int64_t>(random() >> 20U)),
          random_(random) {}

    void put(ColumnBuffer& column) {
        values_ += values_.empty() ? "" : ",";
        if (optional_ && below(random_, 4) < nulls_) {
            values_ += "null";
            return;  // end_row() makes it null
        }
        switch (kind_.type) {
            case Type::boolean: {
                const bool value = manner_ == Manner::few || below(random_, 2) == 0;
                column.add(value);
                values_ += value ? "true" : "false";
                return;
            }
            case Type::int64:
                number_ = integer();
                column.add(number_);
                values_ += std::to_string(number_);
                return;
            case Type::float64: {
                const double value = real();
                column.add(value);
                std::array<char, 17> digits{};
                std::snprintf(
                    digits.data(),
                    digits.size(),
                    "%016llx",
                    static_cast<unsigned long long>(std::bit_cast<std::uint64_t>(value))
                );
                values_ += '"' + std::string(digits.data()) + '"';
                return;
            }
            case Type::byte_array: {
                const std::string value = text();
                column.add(std::string_view(value));
                values_ += '"' + hex_of(value) + '"';
                return;
            }
        }
    }

    [[nodiscard]] std::string described(const std::string& name) const {
        return "{\"name\":\"" + name + "\",\"kind\":\"" + kind_.name +
               "\",\"optional\":" + (optional_ ? "true" : "false") + ",\"values\":[" + values_ +
               "]}";
    }

private:
    std::int64_t integer() {
        if (manner_ == Manner::few) return static_cast<std::int64_t>(below(random_, 5)) - 2;
        if (manner_ == Manner::steps) return number_ + static_cast<std::int64_t>(below(random_, 9));
        if (kind_.meaning == Meaning::timestamp)  // what Python has dates for
            return static_cast<std::int64_t>(random_() % 200'000'000'000'000'000ULL) -
                   60'000'000'000'000'000;
        const std::array<std::int64_t, 4> ends{INT64_MIN, INT64_MAX, 0, -1};
        return below(random_, 3) == 0 ? ends[below(random_, ends.size())]
                                      : static_cast<std::int64_t>(random_());
    }
    double real() {
        using Limits = std::numeric_limits<double>;
        if (manner_ == Manner::few) return static_cast<double>(below(random_, 3000)) / 100 - 10;
        if (manner_ == Manner::steps) return real_ += 0.001;
        const std::array<double, 6> ends{
            0.0, -0.0, Limits::max(), Limits::lowest(), Limits::denorm_min(), 1e-300
        };
        if (below(random_, 3) == 0) return ends[below(random_, ends.size())];
        return std::ldexp(static_cast<double>(static_cast<std::int64_t>(random_())), 3);
    }
    std::string text() {
        if (kind_.meaning == Meaning::json) return "{\"n\":" + std::to_string(integer()) + "}";
        if (manner_ == Manner::few) return "word " + std::to_string(below(random_, 7));
        const std::size_t size = below(random_, manner_ == Manner::wild ? 400 : 12);
        std::string out;
        for (std::size_t i = 0; i < size; ++i) {
            if (kind_.meaning == Meaning::none)
                out += static_cast<char>(random_());
            else
                out +=
                    below(random_, 9) == 0 ? "ü" : std::string(1, "a\"\\\n\x01"[below(random_, 5)]);
        }
        return out;
    }

    Kind kind_;
    bool optional_;
    std::size_t nulls_;  // of 4
    Manner manner_;
    std::int64_t number_;
    double real_ = 20;
    Random& random_;
    std::string values_;
};

/// Writes a random file and what it should hold.
void play(const std::filesystem::path& folder, std::size_t number, Random& random) {
    std::vector<Column> schema;
    std::vector<Player> players;
    const std::size_t columns = 1 + below(random, 8);
    for (std::size_t i = 0; i < columns; ++i) {
        const Kind& kind = kKinds[below(random, kKinds.size())];
        const bool optional = below(random, 3) > 0;
        schema.push_back({"c." + std::to_string(i), kind.type, kind.meaning, optional});
        players.emplace_back(kind, optional, random);
    }
    FileWriter file(schema, {{"penstock.test", "ü"}});
    ZstdWriter zstd(1);
    const std::array<std::size_t, 5> sizes{0, 1, 9, 300, 5000};
    const std::size_t rows = sizes[below(random, sizes.size())];
    const std::size_t group = 1 + below(random, 4000);
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t i = 0; i < columns; ++i)
            players[i].put(file.column(i));
        file.end_row(zstd);
        if (row % group == group - 1) file.end_row_group(zstd);
    }
    std::string described;
    for (std::size_t i = 0; i < columns; ++i)
        described += (i == 0 ? "[" : ",") + players[i].described(schema[i].name);
    const std::string name = std::to_string(number);
    std::ofstream(folder / (name + ".json")) << described << ']';
    std::ofstream(folder / (name + ".parquet"), std::ios::binary) << file.finish(zstd);
}

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("parquet: what is written is what others read", "[sinks][parquet]") {
    ParquetReaders* const readers = ParquetReaders::shared();
    if (readers == nullptr) return;
    const std::uint64_t files = setting("PENSTOCK_PARQUET_FILES", 40);
    const std::uint64_t seed = setting("PENSTOCK_PARQUET_SEED", std::random_device{}());
    INFO("PENSTOCK_PARQUET_SEED=" << seed << " PENSTOCK_PARQUET_FILES=" << files);
    Random random(seed);
    const test::TempDir dir;
    for (std::size_t number = 0; number < files; ++number)
        play(dir.path(), number, random);
    CHECK(readers->check(dir.path()).starts_with(std::to_string(files) + " files"));
}

TEST_CASE("parquet: each encoding is chosen where it is smallest", "[sinks][parquet]") {
    ZstdWriter zstd(1);
    std::string out;
    ColumnBuffer quantised({"q", Type::float64, Meaning::none, false});
    ColumnBuffer smooth({"s", Type::float64, Meaning::none, false});
    ColumnBuffer noise({"n", Type::float64, Meaning::none, false});
    ColumnBuffer times({"t", Type::int64, Meaning::timestamp, false});
    ColumnBuffer words({"w", Type::byte_array, Meaning::text, false});
    ColumnBuffer unique({"u", Type::byte_array, Meaning::text, false});
    Random random(7);
    for (std::int64_t i = 0; i < 20'000; ++i) {
        quantised.add(static_cast<double>(below(random, 50)) / 100);
        smooth.add(20 + std::sin(static_cast<double>(i) / 1000));
        noise.add(std::bit_cast<double>(random() >> 2U));
        times.add(
            std::int64_t{1'767'225'600'000'000} + i * 200'000 +
            static_cast<std::int64_t>(below(random, 999))
        );
        words.add(std::string_view("device-" + std::to_string(i % 100)));
        unique.add(std::string_view("id-" + std::to_string(random())));
    }
    CHECK(quantised.write(zstd, out).encoding == Encoding::rle_dictionary);
    CHECK(smooth.write(zstd, out).encoding == Encoding::byte_stream_split);
    CHECK(times.write(zstd, out).encoding == Encoding::delta_binary_packed);
    CHECK(words.write(zstd, out).encoding == Encoding::rle_dictionary);
    CHECK(unique.write(zstd, out).encoding == Encoding::plain);
    CHECK(noise.write(zstd, out).encoding != Encoding::rle_dictionary);
}

TEST_CASE("parquet: pages and row groups are bounded", "[sinks][parquet]") {
    ZstdWriter zstd(1);
    FileWriter file({{"t", Type::byte_array, Meaning::none, false}}, {});
    Random random(3);
    std::size_t most = 0;
    for (int i = 0; i < 3000; ++i) {
        std::string noise(8192, '\0');
        for (char& c : noise)
            c = static_cast<char>(random());
        file.column(0).add(std::string_view(noise));
        file.end_row(zstd);
        most = std::max(most, file.waiting_bytes());
    }
    CHECK(most < FileWriter::kRowGroupBytes);
    CHECK(file.written_bytes() > 2 * FileWriter::kRowGroupBytes);  // 24 MiB went through
    const std::string bytes = file.finish(zstd);
    CHECK(bytes.starts_with("PAR1"));
    CHECK(bytes.ends_with("PAR1"));
    if (ParquetReaders* const readers = ParquetReaders::shared())
        CHECK(readers->rows(bytes).size() == 3000);
}

TEST_CASE("parquet: the same rows give the same bytes", "[sinks][parquet]") {
    const auto written = [] {
        const test::TempDir dir;
        Random random(11);
        play(dir.path(), 1, random);
        std::ifstream file(dir / "1.parquet", std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    CHECK(written() == written());
}
