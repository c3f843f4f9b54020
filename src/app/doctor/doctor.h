#pragma once

#include "app/settings.h"

namespace penstock::app {

struct DoctorOptions {
    ConfigFiles config;
    bool json = false;
};

/// Looks at settings, machine and far sides, and says of everything that is wrong how to mend it.
/// kExitOk: nothing is bad (there may be warnings). kExitFailed: something is.
int run_doctor(const DoctorOptions& options);

}  // namespace penstock::app
