#include "inspect/workspace.h"

#include "inspect/inspector.h"

namespace penstock::inspect {

Workspace::Workspace(const Inspector& inspector)
    : walk(inspector.max_fields()),
      shapes(inspector.streams().size()),
      index(inspector.max_fields() + kMaxDerived) {}

}  // namespace penstock::inspect
