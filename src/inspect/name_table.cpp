#include "inspect/name_table.h"

#include <algorithm>
#include <bit>

namespace penstock::inspect {

std::uint16_t NameTable::add(std::string_view name) {
    const std::uint16_t found = find(name);
    if (found != kNone) return found;
    const auto number = static_cast<std::uint16_t>(names_.size());
    names_.emplace_back(name);
    nested_ |= name.find('.') != std::string_view::npos;
    rehash();
    return number;
}

void NameTable::rehash() {
    const std::size_t size = std::bit_ceil(std::max<std::size_t>(8, names_.size() * 4));
    slots_.assign(size, Slot{});
    mask_ = size - 1;
    for (std::size_t i = 0; i < names_.size(); ++i) {
        const std::uint64_t hash = hash_name_copy(names_[i], seed_);
        std::size_t at = hash & mask_;
        while (slots_[at].number != kNone)
            at = (at + 1) & mask_;
        slots_[at] = {hash, static_cast<std::uint16_t>(i)};
    }
}

}  // namespace penstock::inspect
