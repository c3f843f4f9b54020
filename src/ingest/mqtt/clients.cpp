#include "ingest/mqtt/clients.h"

#include "ingest/mqtt/connection.h"
#include "penstock/ids.h"

namespace penstock::mqtt {

Connection* Clients::find(std::string_view client_id) const noexcept {
    const auto [first, last] = by_hash_.equal_range(device_hash(client_id));
    for (auto it = first; it != last; ++it) {
        if (it->second->session().client_id() == client_id) return it->second;
    }
    return nullptr;
}

void Clients::enter(std::string_view client_id, Connection& connection) {
    by_hash_.emplace(device_hash(client_id), &connection);
}

void Clients::leave(std::string_view client_id, const Connection& connection) noexcept {
    const auto [first, last] = by_hash_.equal_range(device_hash(client_id));
    for (auto it = first; it != last; ++it) {
        if (it->second != &connection) continue;
        by_hash_.erase(it);
        return;
    }
}

}  // namespace penstock::mqtt
