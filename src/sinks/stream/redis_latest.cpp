#include "sinks/stream/redis_latest.h"

#include "base/text.h"
#include "sinks/attribute.h"
#include "sinks/stream/redis_sink.h"
#include "sinks/stream/resp.h"

#include <openssl/evp.h>

#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

/// ARGV: order, milliseconds to live, then names and values.
constexpr std::string_view kScript =
    "local old = redis.call('HGET', KEYS[1], '_penstock.order')\n"
    "if old and old >= ARGV[1] then return 0 end\n"
    "redis.call('DEL', KEYS[1])\n"
    "redis.call('HSET', KEYS[1], '_penstock.order', ARGV[1], unpack(ARGV, 3))\n"
    "if ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end\n"
    "return 1\n";

/// What Redis calls the script.
std::string script_name() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    std::size_t size = digest.size();
    EVP_Q_digest(nullptr, "SHA1", nullptr, kScript.data(), kScript.size(), digest.data(), &size);
    std::string name;
    text::append_hex(name, {reinterpret_cast<const char*>(digest.data()), size});
    return name;
}

/// Twenty digits that sort as the numbers do.
void append_sortable(std::uint64_t number, std::string& out) {
    const std::string digits = std::to_string(number);
    out.append(20 - digits.size(), '0');
    out += digits;
}

class Replacements final : public RedisCommands {
public:
    Replacements(const RedisLatestConfig& config, const JournalId& journal, NameTemplate key)
        : journal_(journal.text()),
          script_(script_name()),
          expire_(std::to_string(
              std::chrono::duration_cast<std::chrono::milliseconds>(config.expire).count()
          )),
          rename_(config.rename),
          all_(config.fields.empty()),
          key_(std::move(key)) {
        for (const std::string& name : config.fields)
            add(name);
        if (!all_) return;
        for (const std::string_view name : kAddedNames)
            add(name);
    }

    void append(Lsn lsn, const RecordView& record, std::string& out) override {
        fields_.clear();
        std::size_t words = 0;
        const FieldTable fields = record.fields();
        for (std::uint16_t i = 0; all_ && i < fields.size(); ++i) {
            const Field field = fields[i];
            if (field.name.starts_with("_penstock")) continue;
            append_resp_word(renamed(field.name), fields_);
            append_resp_word(text_of(field), fields_);
            words += 2;
        }
        for (const auto& [name, to] : names_) {
            if (all_ && record.find(name.text())) continue;
            value_.clear();
            if (!name.append_text(journal_, lsn, record, value_)) continue;
            append_resp_word(to, fields_);
            append_resp_word(value_, fields_);
            words += 2;
        }
        order_.clear();
        // The sign bit turned, so that times before 1970 sort first.
        append_sortable(static_cast<std::uint64_t>(record.event_time()) ^ (1ULL << 63U), order_);
        append_sortable(lsn.value, order_);
        begin_resp(6 + words, out);
        append_resp_word("EVALSHA", out);
        append_resp_word(script_, out);
        append_resp_word("1", out);
        append_resp_word(key_.of(record, key_name_), out);
        append_resp_word(order_, out);
        append_resp_word(expire_, out);
        out += fields_;
    }
    [[nodiscard]] std::string preamble() const override {
        std::string load;
        append_resp({"SCRIPT", "LOAD", kScript}, load);
        return load;
    }

private:
    void add(std::string_view text) {
        if (auto name = RecordName::parse(text)) {
            names_.emplace_back(*std::move(name), std::string(renamed(text)));
        }
    }
    [[nodiscard]] std::string_view renamed(std::string_view name) const {
        const std::string* other = rename_.empty() ? nullptr : rename_.find(name);
        return other == nullptr ? name : std::string_view(*other);
    }
    [[nodiscard]] std::string_view text_of(const Field& field) {
        if (field.type != FieldType::string || !field.escaped) return field.text;
        value_.clear();
        append_unescaped(field, value_);
        return value_;
    }

    const std::string journal_;
    const std::string script_;
    const std::string expire_;
    const config::OrderedMap<std::string> rename_;
    const bool all_;
    const NameTemplate key_;
    std::vector<std::pair<RecordName, std::string>> names_;
    std::string fields_;
    std::string value_;
    std::string order_;
    std::string key_name_;
};

}  // namespace

Result<std::unique_ptr<Sink>> make_redis_latest_sink(
    const RedisLatestConfig& config, const SinkContext& context
) {
    return make_redis_sink_of<Replacements>(config, context);
}

SinkKind redis_latest_kind() {
    return sink_kind<RedisLatestConfig>(
        "redis_latest", "Each device's latest record in a hash of Redis.", make_redis_latest_sink
    );
}

}  // namespace penstock::sinks
