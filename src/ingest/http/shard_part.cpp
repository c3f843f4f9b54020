#include "ingest/http/shard_part.h"

#include "base/metrics.h"
#include "ingest/shard_listeners.h"

#include <string>

namespace penstock::ingest::http {
namespace {

metrics::Counter& request_cell(
    ShardListeners& shard, const Listener& listener, const std::string& code
) {
    return shard.registry().counter(
        "penstock_http_requests_total",
        "Requests of devices, by the status they were answered with.",
        {{"listener", listener.name()}, {"code", code}}
    );
}

}  // namespace

ShardPart::ShardPart(
    ShardListeners& shard,
    const Listener& listener,
    const Config& settings,
    auth::Authenticator& who,
    const StreamExists& streams
)
    : config(settings),
      authenticator(who),
      stream_exists(streams),
      decompressor(settings.max_decompressed.value),
      loopback(listener.address().loopback()),
      other_requests_(&request_cell(shard, listener, "other")) {
    for (const unsigned code :
         {200U, 400U, 401U, 404U, 405U, 408U, 411U, 413U, 415U, 417U, 422U, 429U, 431U, 503U, 505U})
        requests_[code] = &request_cell(shard, listener, std::to_string(code));
}

void ShardPart::count(unsigned status) noexcept {
    const auto found = requests_.find(status);
    (found == requests_.end() ? other_requests_ : found->second)->add();
}

}  // namespace penstock::ingest::http
