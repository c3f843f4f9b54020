#include "app/links.h"

namespace penstock::app {

Links::Links(std::uint32_t shards) : shards_(shards) {
    for (std::uint32_t i = 0; i < shards * shards; ++i) {
        parcels_.push_back(std::make_unique<Parcels>(kParcels));
        receipts_.push_back(std::make_unique<Receipts>(kReceipts));
    }
}

}  // namespace penstock::app
