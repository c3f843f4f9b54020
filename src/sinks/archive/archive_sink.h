#pragma once

#include "penstock/result.h"
#include "penstock/sink.h"
#include "sinks/archive/config.h"
#include "sinks/registry.h"

#include <memory>

namespace penstock::sinks {

/// `type: archive`: records as compressed objects in a folder or a bucket, one object per window,
/// stream and event hour (object_name.h).
///
/// A window is a contiguous range of LSNs, closed by size, age or number of objects. Where it was
/// cut is made durable (window_plan.h) before its first object goes out; after a crash or a failure
/// the same records are cut in the same places again and give the same bytes under the same names,
/// which the store recognises. The window's last LSN is safe when every object of it is durable.
/// What is safe is noted in a manifest first (manifest.h), which goes to the store every hour.
/// Memory: one window being filled and one on its way; see WindowConfig and Window.
/// Errors: an endpoint that is no URL; a state file of a newer version.
[[nodiscard]] Result<std::unique_ptr<Sink>> make_archive_sink(
    const ArchiveConfig& config, const SinkContext& context
);

/// For registry.cpp.
[[nodiscard]] SinkKind archive_kind();

}  // namespace penstock::sinks
