#include "inspect/shape.h"

#include <string_view>

namespace penstock::inspect {

void Shape::take(const char* payload, std::span<const Key> keys) {
    keys_.clear();
    text_.clear();
    doubt_ = 0;
    for (Key key : keys) {
        const std::string_view text(payload + key.offset, key.size + std::size_t{1});
        key.offset = static_cast<std::uint32_t>(text_.size());
        text_.append(text);
        keys_.push_back(key);
    }
    if (text_.size() > kMaxText) keys_.clear();
}

}  // namespace penstock::inspect
