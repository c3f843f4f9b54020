#include "support/fake_log.h"

#include "support/memory_chunk.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

namespace penstock::test {
namespace {

struct Piece {
    Lsn from;
    Lsn to;
    ChunkPtr chunk;  // null: a gap
    Gap::Cause cause = Gap::Cause::none;
};

/// A JSON text that lists where its members' texts stand.
class Payload {
public:
    void member(std::string_view name, std::string_view text, FieldType type) {
        out_ += out_.empty() ? "{\"" : ",\"";
        RecordParts::Entry entry;
        entry.name_offset = offset();
        entry.name_size = static_cast<std::uint16_t>(name.size());
        out_ += name;
        out_ += type == FieldType::string ? "\":\"" : "\":";
        entry.text_offset = offset();
        entry.text_size = static_cast<std::uint32_t>(text.size());
        entry.type = type;
        if (text.find('\\') != std::string_view::npos) entry.flags = RecordParts::kEscaped;
        out_ += text;
        if (type == FieldType::string) out_ += '"';
        entries_.push_back(entry);
    }
    void close() { out_ += '}'; }

    [[nodiscard]] const std::string& text() const { return out_; }
    [[nodiscard]] const std::vector<RecordParts::Entry>& entries() const { return entries_; }

private:
    [[nodiscard]] std::uint32_t offset() const { return static_cast<std::uint32_t>(out_.size()); }

    std::string out_;
    std::vector<RecordParts::Entry> entries_;
};

std::string json_escaped(std::string_view text) {
    constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20) {
            out += "\\u00";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        } else {
            out += c;
        }
    }
    return out;
}

}  // namespace

std::vector<std::byte> encode_record(const RecordSpec& spec) {
    Payload made;
    RecordParts parts;
    if (spec.payload.empty()) {
        made.member("deviceId", json_escaped(spec.device), FieldType::string);
        made.member("heartRate", std::to_string(spec.heart_rate), FieldType::integer);
        made.member("steps", std::to_string(spec.at), FieldType::integer);
        made.close();
        parts.payload = made.text();
        parts.fields = made.entries();
    } else {
        parts.payload = spec.payload;
    }
    parts.flags = spec.flags;
    parts.qos = 1;
    parts.event_time = RecordSpec::kEpoch + spec.at * kMillisecond;
    parts.arrival_time = parts.event_time;
    parts.device_hash = device_hash(spec.device);
    parts.device = spec.device;
    parts.topic = "iot/wearable/data";
    parts.stream = spec.stream;
    parts.status = spec.status;
    parts.reason = spec.reason;
    std::vector<std::byte> out(encoded_size(parts));
    encode(parts, out);
    return out;
}

struct FakeLog::State {
    std::mutex mutex;
    std::condition_variable_any grown;
    std::vector<Piece> pieces;
    Lsn last;
    Lsn expired;
    std::map<Lsn, Error> failures;
};

namespace {

class FakeReader final : public LogReader {
public:
    explicit FakeReader(std::shared_ptr<FakeLog::State> log) : log_(std::move(log)) {
        const std::lock_guard lock(log_->mutex);
        position_ = log_->expired.next();
    }

    void seek(Lsn lsn) override { position_ = lsn; }
    [[nodiscard]] Lsn position() const override { return position_; }

    [[nodiscard]] Result<ReadResult> read(Nanoseconds wait, const std::stop_token& stop) override {
        std::unique_lock lock(log_->mutex);
        const auto there = [this] { return log_->last >= position_; };
        if (wait > 0) log_->grown.wait_for(lock, stop, std::chrono::nanoseconds(wait), there);
        if (!there()) return ReadResult{};
        if (position_ <= log_->expired) return gap(log_->expired, Gap::Cause::expired);
        const auto piece = std::find_if(log_->pieces.begin(), log_->pieces.end(), [this](auto& p) {
            return p.to >= position_;
        });
        const auto failing = log_->failures.lower_bound(piece->from);
        if (failing != log_->failures.end() && failing->first <= piece->to) return failing->second;
        if (!piece->chunk) return gap(piece->to, piece->cause);
        position_ = piece->to.next();
        return ReadResult{piece->chunk, {}};
    }

    [[nodiscard]] Lsn durable() const override {
        const std::lock_guard lock(log_->mutex);
        return log_->last;
    }

private:
    ReadResult gap(Lsn to, Gap::Cause cause) {
        const Lsn from = position_;
        position_ = to.next();
        return {nullptr, {from, to, cause}};
    }

    std::shared_ptr<FakeLog::State> log_;
    Lsn position_;
};

}  // namespace

FakeLog::FakeLog() : state_(std::make_shared<State>()) {}
FakeLog::~FakeLog() = default;

Lsn FakeLog::append(const std::vector<RecordSpec>& records) {
    std::vector<std::byte> bytes;
    for (const RecordSpec& record : records) {
        const auto one = encode_record(record);
        bytes.insert(bytes.end(), one.begin(), one.end());
    }
    const std::lock_guard lock(state_->mutex);
    const Lsn first = state_->last.next();
    const auto count = static_cast<std::uint32_t>(records.size());
    if (count == 0) return first;
    state_->last = state_->last.plus(count);
    auto chunk = std::make_shared<MemoryChunk>(first, count, std::move(bytes));
    state_->pieces.push_back({first, state_->last, std::move(chunk), Gap::Cause::none});
    state_->grown.notify_all();
    return first;
}

void FakeLog::gap(std::uint64_t count, Gap::Cause cause) {
    const std::lock_guard lock(state_->mutex);
    const Lsn from = state_->last.next();
    state_->last = state_->last.plus(count);
    state_->pieces.push_back({from, state_->last, nullptr, cause});
    state_->grown.notify_all();
}

void FakeLog::expire(Lsn lsn) {
    const std::lock_guard lock(state_->mutex);
    state_->expired = std::max(state_->expired, lsn);
}

void FakeLog::fail_at(Lsn lsn, Error error) {
    const std::lock_guard lock(state_->mutex);
    state_->failures.insert_or_assign(lsn, std::move(error));
}

void FakeLog::heal() {
    const std::lock_guard lock(state_->mutex);
    state_->failures.clear();
}

Lsn FakeLog::durable() const {
    const std::lock_guard lock(state_->mutex);
    return state_->last;
}

std::unique_ptr<LogReader> FakeLog::reader() {
    return std::make_unique<FakeReader>(state_);
}

}  // namespace penstock::test
