#pragma once

#include "config/document.h"

namespace penstock::config {

/// What `over` says on top of `base`, key by key. Where both have a table of keys, the keys of both
/// are there: those of `base` first, in its order. Everything else that `over` has stands in the
/// place of what `base` has: single values and lists as a whole. A key of `over` with nothing
/// behind it takes a table of `base` away. A merged table stands where `over` has it. Threads: any.
[[nodiscard]] NodePtr overlay(const NodePtr& base, const NodePtr& over);

}  // namespace penstock::config
