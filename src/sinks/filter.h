#pragma once

#include "penstock/record.h"
#include "sinks/config.h"

#include <algorithm>
#include <string>
#include <vector>

namespace penstock::sinks {

/// Which records are for a sink.
/// Threads: immutable.
class Filter {
public:
    explicit Filter(const SinkConfig& config)
        : streams_(config.streams), records_(config.records) {}

    [[nodiscard]] bool takes(const RecordView& record) const {
        if (records_ != Records::all &&
            record.quarantined() != (records_ == Records::quarantined)) {
            return false;
        }
        return streams_.empty() ||
               std::find(streams_.begin(), streams_.end(), record.stream()) != streams_.end();
    }

private:
    std::vector<std::string> streams_;
    Records records_;
};

}  // namespace penstock::sinks
