#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::config {

/// Values by name, in the order of the file: streams, sinks, listeners. Names are unique.
/// Threads: as its values.
template <class T>
class OrderedMap {
public:
    using Item = std::pair<std::string, T>;

    OrderedMap() = default;
    OrderedMap(std::initializer_list<Item> items) : items_(items) {}

    [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    auto begin() noexcept { return items_.begin(); }
    auto end() noexcept { return items_.end(); }
    auto begin() const noexcept { return items_.begin(); }
    auto end() const noexcept { return items_.end(); }

    /// Null when there is none. Valid until the map is changed.
    [[nodiscard]] const T* find(std::string_view name) const noexcept {
        for (const Item& item : items_) {
            if (item.first == name) return &item.second;
        }
        return nullptr;
    }
    [[nodiscard]] T* find(std::string_view name) noexcept {
        for (Item& item : items_) {
            if (item.first == name) return &item.second;
        }
        return nullptr;
    }

    /// The value of a name, made when there is none yet.
    T& operator[](std::string_view name) {
        if (T* found = find(name)) return *found;
        return items_.emplace_back(std::string(name), T{}).second;
    }

    void clear() noexcept { items_.clear(); }

    friend bool operator==(const OrderedMap&, const OrderedMap&) = default;

private:
    std::vector<Item> items_;
};

}  // namespace penstock::config
