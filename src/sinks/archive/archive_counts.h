#pragma once

#include "base/metrics.h"

namespace penstock::sinks {

/// The metrics of an archive. Threads: its sink's.
struct ArchiveCounts {
    ArchiveCounts(metrics::Registry& registry, const metrics::Labels& labels)
        : objects(registry.counter(
              "penstock_archive_objects_total", "Objects that are durable at the store.", labels
          )),
          object_bytes(registry.counter(
              "penstock_archive_object_bytes_total", "Bytes of these objects, compressed.", labels
          )),
          windows(registry.counter(
              "penstock_archive_windows_total",
              "Windows of records that were confirmed as a whole.",
              labels
          )),
          conflicts(registry.counter(
              "penstock_archive_conflicts_total",
              "Objects put under another name because other bytes stood under theirs.",
              labels
          )),
          evictions(registry.counter(
              "penstock_archive_evictions_total",
              "Compressed frames or row groups that were ended early because too many "
              "partitions were busy.",
              labels
          )),
          partitions(registry.gauge(
              "penstock_archive_open_partitions",
              "Objects that the window in the making holds.",
              labels
          )),
          open_bytes(registry.gauge(
              "penstock_archive_open_window_bytes", "Bytes of the window in the making.", labels
          )) {}

    metrics::Counter& objects;
    metrics::Counter& object_bytes;
    metrics::Counter& windows;
    metrics::Counter& conflicts;
    metrics::Counter& evictions;
    metrics::Gauge& partitions;
    metrics::Gauge& open_bytes;
};

}  // namespace penstock::sinks
