#pragma once

#include "base/bytes.h"
#include "ingest/http/answer.h"
#include "ingest/http/elements.h"
#include "penstock/clock.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace penstock::ingest::http {

/// One request on its way from the end of its head to its answer.
/// Threads: owning shard.
struct Exchange {
    AnswerHead head;
    std::string stream;
    std::string identity;
    Tally tally;
    Bytes body;                     // what `elements` point into while they wait for room
    std::vector<Element> elements;  // the records
    std::size_t next = 0;           // the first that is not submitted
    std::uint32_t first_sequence = 0;
    std::uint32_t tickets = 0;  // sequences given out: first_sequence, first_sequence + 1, ...
    std::uint32_t pending = 0;  // of these, not yet durable
    Nanoseconds began = 0;      // monotonic, when the body was complete; 0: it is not yet
    Nanoseconds arrival = 0;    // wall
    std::size_t in_flight = 0;  // bytes that wait for the journal
    bool submitted = false;     // nothing more goes to the intake
    bool answered = false;      // `json` is what to say
    bool sent = false;          // and is said
    std::string json;

    [[nodiscard]] bool has(std::uint32_t sequence) const noexcept {
        return sequence - first_sequence < tickets;
    }
};

}  // namespace penstock::ingest::http
