#include "config/shape.h"

namespace penstock::config {

std::string words(const Shape& shape) {
    switch (shape.kind) {
        case Shape::Kind::word: {
            std::string all;
            for (const std::string& word : shape.limits.words)
                all += (all.empty() ? "" : ", ") + word;
            return "one of " + all;
        }
        case Shape::Kind::list:
            return "list of " + words(*shape.item);
        case Shape::Kind::map:
            return "map of name to " + words(*shape.item);
        default:
            return std::string(shape.name);
    }
}

}  // namespace penstock::config
