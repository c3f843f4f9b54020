#include "inspect/stream.h"

#include "expression/parser.h"
#include "inspect/router.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace penstock::inspect {
namespace {

using config::Problems;
using config::quoted;
using config::suggestion;

constexpr std::size_t kMaxNames = 4096;  // of one stream
constexpr std::size_t kMaxMetrics = 65'535;
constexpr std::size_t kMaxStatus = 255;

/// Compiles one entry of `streams:`.
/// Threads: one.
class Builder {
public:
    Builder(
        const std::string& name, const StreamConfig& config, std::uint64_t seed, Problems& problems
    )
        : config_(config), problems_(problems), stream_(seed) {
        stream_.name = name;
        stream_.scoring = config.scoring;
        stream_.refuse_invalid = config.on_invalid == OnInvalid::refuse;
    }

    Stream build(std::size_t& metrics) {
        topics();
        for (const auto& [name, field] : config_.fields)
            rule(name, field);
        device();
        time();
        if (config_.sequence)
            stream_.sequence_slot = slot(*config_.sequence, config_.origin.at("sequence"));
        for (const auto& [name, expression] : config_.derive)
            derive(name, expression);
        for (std::size_t i = 0; i < config_.status.size(); ++i)
            status(i);
        scores(metrics);
        return std::move(stream_);
    }

private:
    void error(config::Place place, std::string message) {
        problems_.error(std::move(place), std::move(message));
    }

    void topics() {
        for (std::size_t i = 0; i < config_.topics.size(); ++i) {
            const Status checked = check_topic_filter(config_.topics[i]);
            const std::string path = "topics[" + std::to_string(i) + "]";
            if (!checked.ok()) error(config_.origin.at(path), checked.error().message);
        }
    }

    std::uint16_t slot(const std::string& name, config::Place place) {
        if (name.empty() || name.size() > 1024) {
            error(std::move(place), "the name of a field must have 1 to 1024 bytes");
            return 0;
        }
        if (stream_.names.size() >= kMaxNames) {
            error(std::move(place), "a stream must not mention more than 4096 fields");
            return 0;
        }
        return stream_.names.add(name);
    }

    void rule(const std::string& name, const FieldConfig& field) {
        FieldRule made;
        made.slot = slot(name, field.origin.here());
        made.type = field.type;
        made.required = field.required;
        made.bounded = field.min.has_value() || field.max.has_value();
        made.min = field.min.value_or(-std::numeric_limits<double>::infinity());
        made.max = field.max.value_or(std::numeric_limits<double>::infinity());
        made.max_length = field.max_length;
        const bool numeric = made.type == ValueType::number || made.type == ValueType::integer;
        if (made.bounded && !numeric)
            error(
                field.origin.at(field.min ? "min" : "max"),
                "min and max need 'type: number' or 'integer'"
            );
        if (made.min > made.max) error(field.origin.at("min"), "min must not be larger than max");
        if (made.max_length && made.type != ValueType::string)
            error(field.origin.at("max_length"), "max_length needs 'type: string'");
        values(field, numeric, made);
        stream_.rules.push_back(std::move(made));
    }

    void values(const FieldConfig& field, bool numeric, FieldRule& made) {
        if (!field.allowed.empty() && !numeric && made.type != ValueType::string)
            return error(
                field.origin.at("enum"), "enum needs 'type: string', 'number' or 'integer'"
            );
        for (std::size_t i = 0; i < field.allowed.size(); ++i) {
            const std::string& text = field.allowed[i].text;
            if (!numeric) {
                made.texts.push_back(text);
                continue;
            }
            double number = 0;
            const char* const end = text.data() + text.size();
            const auto outcome = std::from_chars(text.data(), end, number);
            if (outcome.ec == std::errc{} && outcome.ptr == end && std::isfinite(number)) {
                made.numbers.push_back(number);
            } else {
                error(field.origin.at("enum[" + std::to_string(i) + "]"), "must be a number");
            }
        }
    }

    void device() {
        const DeviceConfig& device = config_.device;
        const int ways =
            (device.field ? 1 : 0) + (device.topic_level ? 1 : 0) + (device.client_id ? 1 : 0);
        if (ways > 1)
            error(device.origin.here(), "give only one of field, topic_level and client_id");
        if (device.field) stream_.device_slot = slot(*device.field, device.origin.at("field"));
        if (device.topic_level) stream_.device_level = *device.topic_level;
    }

    void time() {
        const TimeConfig& time = config_.time;
        if (time.field) stream_.time_slot = slot(*time.field, time.origin.at("field"));
        stream_.time_format = time.format;
        stream_.max_future = time.max_future.count();
    }

    /// Names may be used when the stream declares no fields at all, or declares this one, or an
    /// object around it.
    std::string undeclared(const std::string& name) const {
        if (config_.fields.empty() || stream_.names.find(name) != NameTable::kNone) return {};
        std::vector<std::string> known;
        for (std::uint16_t i = 0; i < stream_.names.size(); ++i)
            known.push_back(stream_.names.name(i));
        for (std::size_t dot = name.find('.'); dot != std::string::npos;
             dot = name.find('.', dot + 1)) {
            const FieldConfig* around = config_.fields.find(name.substr(0, dot));
            if (around != nullptr &&
                (around->type == ValueType::object || around->type == ValueType::any))
                return {};
        }
        return "no field " + quoted(name) + " is declared under 'fields' or 'derive'" +
               suggestion(name, known);
    }

    Program expression(const std::string& text, const std::string& path) {
        if (text.empty()) {
            error(config_.origin.at(path), "the expression is empty");
            return {};
        }
        const expression::FieldResolver resolve = [&](const std::string& name
                                                  ) -> std::variant<std::uint16_t, std::string> {
            if (std::string complaint = undeclared(name); !complaint.empty()) return complaint;
            return read(slot(name, config_.origin.at(path)));
        };
        auto compiled = expression::compile(text, resolve);
        if (auto* wrong = std::get_if<expression::ExpressionError>(&compiled)) {
            error(config_.origin.at(path, wrong->offset), std::move(wrong->message));
            return {};
        }
        return std::get<Program>(std::move(compiled));
    }

    /// The slot's value is to be made for each record.
    std::uint16_t read(std::uint16_t slot) {
        for (const std::uint16_t known : stream_.read) {
            if (known == slot) return slot;
        }
        for (const DeriveRule& derived : stream_.derived) {
            if (derived.slot == slot) return slot;
        }
        stream_.read.push_back(slot);
        return slot;
    }

    void derive(const std::string& name, const std::string& text) {
        const std::string path = "derive." + name;
        if (stream_.names.find(name) != NameTable::kNone)
            return error(
                config_.origin.at(path), quoted(name) + " is already a field of the device"
            );
        DeriveRule made;
        made.name = name;
        made.program = expression(text, path);
        if (stream_.names.find(name) != NameTable::kNone)
            return error(config_.origin.at(path), quoted(name) + " cannot be computed from itself");
        made.slot = slot(name, config_.origin.at(path));
        stream_.derived.push_back(std::move(made));
    }

    void status(std::size_t i) {
        const StatusConfig& line = config_.status[i];
        const std::string path = "status[" + std::to_string(i) + "]";
        const config::Place here = config_.origin.at(path);
        const bool last = !line.otherwise.empty();
        if (last && (!line.when.empty() || !line.is.empty()))
            return error(here, "'otherwise' stands alone, without 'when' and 'is'");
        if (last && i + 1 != config_.status.size())
            return error(here, "'otherwise' must be the last line of 'status'");
        if (!last && (line.when.empty() || line.is.empty()))
            return error(here, "give 'when' and 'is', or 'otherwise'");
        const std::string& word = last ? line.otherwise : line.is;
        if (word.size() > kMaxStatus)
            return error(here, "a status word must not be longer than 255 bytes");
        if (last) {
            stream_.otherwise = word;
        } else {
            stream_.statuses.push_back({expression(line.when, path + ".when"), word});
        }
    }

    void scores(std::size_t& metrics) {
        for (std::size_t i = 0; i < config_.score.size(); ++i) {
            const std::string& name = config_.score[i];
            const config::Place here = config_.origin.at("score[" + std::to_string(i) + "]");
            if (std::string complaint = undeclared(name); !complaint.empty()) {
                error(here, std::move(complaint));
                continue;
            }
            ScoredField made;
            made.slot = read(slot(name, here));
            for (const ScoredField& other : stream_.scored) {
                if (other.slot == made.slot) error(here, quoted(name) + " stands twice in 'score'");
            }
            for (const DeriveRule& derived : stream_.derived)
                made.derived |= derived.slot == made.slot;
            if (metrics == kMaxMetrics) return error(here, "more than 65535 fields are scored");
            made.metric = static_cast<std::uint16_t>(metrics++);
            stream_.scored.push_back(made);
        }
    }

    const StreamConfig& config_;
    Problems& problems_;
    Stream stream_;
};

}  // namespace

std::vector<Stream> compile_streams(const Config& config, Problems& problems, std::uint64_t seed) {
    std::vector<Stream> streams;
    std::size_t metrics = 0;
    for (const auto& [name, stream] : config.streams) {
        streams.push_back(Builder(name, stream, seed, problems).build(metrics));
        streams.back().number = static_cast<std::uint16_t>(streams.size() - 1);
    }
    return streams;
}

}  // namespace penstock::inspect
