#include "sinks/stream/redis_stream.h"

#include "sinks/stream/redis_sink.h"
#include "sinks/stream/resp.h"

#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace penstock::sinks {
namespace {

class Additions final : public RedisCommands {
public:
    Additions(const RedisStreamConfig& config, const JournalId& journal, NameTemplate key)
        : journal_(journal.text()),
          max_length_(config.max_length == 0 ? "" : std::to_string(config.max_length)),
          encoder_(config.output, journal),
          key_(std::move(key)) {}

    void append(Lsn lsn, const RecordView& record, std::string& out) override {
        value_.clear();
        if (!encoder_.raw()) encoder_.append(lsn, record, value_);
        std::array<char, 20> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), lsn.value).ptr;
        begin_resp(max_length_.empty() ? 9 : 12, out);
        append_resp_word("XADD", out);
        append_resp_word(key_.of(record, name_), out);
        if (!max_length_.empty()) {
            append_resp_word("MAXLEN", out);
            append_resp_word("~", out);
            append_resp_word(max_length_, out);
        }
        append_resp_word("*", out);
        append_resp_word("data", out);
        append_resp_word(encoder_.raw() ? record.payload() : std::string_view(value_), out);
        append_resp_word("journal", out);
        append_resp_word(journal_, out);
        append_resp_word("lsn", out);
        append_resp_word({digits.data(), static_cast<std::size_t>(end - digits.data())}, out);
    }

private:
    const std::string journal_;
    const std::string max_length_;
    const OutputEncoder encoder_;
    const NameTemplate key_;
    std::string value_;
    std::string name_;
};

}  // namespace

Result<std::unique_ptr<Sink>> make_redis_stream_sink(
    const RedisStreamConfig& config, const SinkContext& context
) {
    return make_redis_sink_of<Additions>(config, context);
}

SinkKind redis_stream_kind() {
    return sink_kind<RedisStreamConfig>(
        "redis_stream", "Entries of Redis Streams.", make_redis_stream_sink
    );
}

}  // namespace penstock::sinks
