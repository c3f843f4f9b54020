#pragma once

#include "penstock/ids.h"
#include "penstock/record.h"
#include "sinks/config.h"
#include "sinks/selection.h"
#include "sinks/where.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks {

/// Which records are for a sink.
/// Threads: owner.
class Filter {
public:
    explicit Filter(const SinkConfig& config, Selection only = {})
        : streams_(config.streams),
          records_(config.records),
          where_(config.where),
          only_(std::move(only)) {}

    [[nodiscard]] bool takes(Lsn lsn, const RecordView& record) {
        if (records_ != Records::all &&
            record.quarantined() != (records_ == Records::quarantined)) {
            return false;
        }
        const bool stream =
            streams_.empty() ||
            std::find(streams_.begin(), streams_.end(), record.stream()) != streams_.end();
        const bool device = only_.device.empty() || record.device() == only_.device;
        return stream && device && where_.holds(lsn, record, scratch_) &&
               only_.where.holds(lsn, record, scratch_);
    }

private:
    std::vector<std::string> streams_;
    Records records_;
    Where where_;
    Selection only_;
    Where::Scratch scratch_;
};

}  // namespace penstock::sinks
