#pragma once

#include "journal/journal.h"
#include "penstock/batch.h"
#include "penstock/log_reader.h"

#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <stop_token>
#include <utility>
#include <vector>

namespace penstock::test {

/// Records that say who wrote them and which one they are; the journal does not look inside.
/// Layout: shard u64, sequence u64, size u64, then bytes that follow from these.
struct NumberedRecord {
    std::uint64_t shard = 0;
    std::uint64_t sequence = 0;
    std::uint64_t size = 64;
    auto operator<=>(const NumberedRecord&) const = default;
};

inline std::byte filler(const NumberedRecord& record, std::size_t i) {
    return static_cast<std::byte>(record.shard * 31 + record.sequence * 7 + i);
}

inline void put_record(Batch& batch, const NumberedRecord& record) {
    const auto out = batch.reserve(record.size);
    std::memcpy(out.data(), &record, sizeof record);
    for (std::size_t i = sizeof record; i < out.size(); ++i)
        out[i] = filler(record, i);
    batch.commit(record.size);
}

/// All records of a chunk; stops at the first that is not as it was written.
inline std::vector<NumberedRecord> records_of(std::span<const std::byte> bytes) {
    std::vector<NumberedRecord> records;
    while (bytes.size() >= sizeof(NumberedRecord)) {
        NumberedRecord record;
        std::memcpy(&record, bytes.data(), sizeof record);
        if (record.size < sizeof record || record.size > bytes.size()) break;
        bool same = true;
        for (std::size_t i = sizeof record; i < record.size; ++i)
            same &= bytes[i] == filler(record, i);
        if (!same) break;
        records.push_back(record);
        bytes = bytes.subspan(record.size);
    }
    return records;
}

/// What a reader brings from the oldest to the durable LSN.
struct ReadBack {
    std::map<std::uint64_t, NumberedRecord> records;  // by LSN
    std::vector<Gap> gaps;
    std::vector<Error> errors;
    bool contiguous = true;
};

inline ReadBack read_all(LogReader& reader) {
    ReadBack back;
    Lsn due = reader.position();
    while (reader.position() <= reader.durable()) {
        const auto result = reader.read(0, std::stop_token{});
        if (!result.ok()) {
            back.errors.push_back(result.error());
            break;
        }
        if (result->chunk) {
            back.contiguous &= result->chunk->first() == due;
            std::uint64_t lsn = result->chunk->first().value;
            const auto records = records_of(result->chunk->records());
            back.contiguous &= records.size() == result->chunk->count();
            for (const auto& record : records)
                back.records[lsn++] = record;
            due = result->chunk->first().plus(result->chunk->count());
        } else if (result->gap.cause != Gap::Cause::none) {
            back.contiguous &= result->gap.from == due;
            back.gaps.push_back(result->gap);
            due = result->gap.to.next();
        } else {
            break;
        }
    }
    return back;
}

}  // namespace penstock::test
