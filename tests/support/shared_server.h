#pragma once

#include "support/server.h"

#include <string>

namespace penstock::test {

/// The server that all cases of this program share (it takes seconds to start), one for each name
/// and environment; it lives to the end of the program. Null, with a note, where what it needs is
/// missing; a server that is there and does not start fails the case.
/// Threads: the test's.
[[nodiscard]] Server* shared_server(const std::string& name, const Server::Options& options = {});

/// Whether slow and heavy servers are wanted too: PENSTOCK_ALL_SERVERS of the environment is set.
[[nodiscard]] bool all_servers();

}  // namespace penstock::test
