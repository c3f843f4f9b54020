#pragma once

#include "penstock/ids.h"
#include "penstock/record.h"
#include "sinks/config.h"
#include "sinks/where.h"

#include <algorithm>
#include <string>
#include <vector>

namespace penstock::sinks {

/// Which records are for a sink.
/// Threads: owner.
class Filter {
public:
    explicit Filter(const SinkConfig& config)
        : streams_(config.streams), records_(config.records), where_(config.where) {}

    [[nodiscard]] bool takes(Lsn lsn, const RecordView& record) {
        if (records_ != Records::all &&
            record.quarantined() != (records_ == Records::quarantined)) {
            return false;
        }
        const bool stream =
            streams_.empty() ||
            std::find(streams_.begin(), streams_.end(), record.stream()) != streams_.end();
        return stream && where_.holds(lsn, record, scratch_);
    }

private:
    std::vector<std::string> streams_;
    Records records_;
    Where where_;
    Where::Scratch scratch_;
};

}  // namespace penstock::sinks
