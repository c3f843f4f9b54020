#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace penstock::mqtt {

class Connection;

/// Who holds which client id on one shard. Every client id has one home shard, so there is no other
/// place to look. Equal hashes are told apart by the whole id. Bound: one entry per connection.
/// Threads: owning shard.
class Clients {
public:
    /// Null: nobody.
    [[nodiscard]] Connection* find(std::string_view client_id) const noexcept;
    /// Precondition: find() says nobody.
    void enter(std::string_view client_id, Connection& connection);
    /// Does nothing when somebody else has taken the id over.
    void leave(std::string_view client_id, const Connection& connection) noexcept;
    [[nodiscard]] std::size_t size() const noexcept { return by_hash_.size(); }

private:
    std::unordered_multimap<std::uint64_t, Connection*> by_hash_;
};

}  // namespace penstock::mqtt
