#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeindex>
#include <utility>

namespace penstock::config {

/// One of several settings tables, chosen by the key `type:` of the file. All tables of a family
/// derive from `Base` (what they have in common); the kinds of the family are listed by
/// `Kinds<Base>` (field.h). Copies share the settings.
///
///     if (const auto* kafka = sink.as<KafkaConfig>()) ...
///
/// Threads: immutable once read.
template <class Base>
class Variant {
public:
    Variant() = default;

    /// Settings made by code instead of read from a file.
    template <class Derived>
        requires std::is_base_of_v<Base, Derived>
    static Variant of(std::string type, Derived settings) {
        Variant made;
        made.type_ = std::move(type);
        made.kind_ = typeid(Derived);
        made.settings_ = std::make_shared<const Derived>(std::move(settings));
        return made;
    }

    [[nodiscard]] bool empty() const noexcept { return settings_ == nullptr; }
    /// The value of `type:`.
    [[nodiscard]] const std::string& type() const noexcept { return type_; }

    /// Precondition: not empty.
    const Base& operator*() const noexcept { return *settings_; }
    const Base* operator->() const noexcept { return settings_.get(); }

    /// The settings when they are of this kind, else null. Valid as long as a copy of this lives.
    template <class Derived>
        requires std::is_base_of_v<Base, Derived>
    [[nodiscard]] const Derived* as() const noexcept {
        if (kind_ != std::type_index(typeid(Derived))) return nullptr;
        return static_cast<const Derived*>(settings_.get());
    }

private:
    std::string type_;
    std::type_index kind_ = typeid(void);
    std::shared_ptr<const Base> settings_;
};

}  // namespace penstock::config
