#pragma once

#include "penstock/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace penstock {

/// A password, token or key. It has no output operator, no conversion to text and is no log value:
/// reading it takes the word `reveal`. Its memory is locked out of core dumps where the system
/// allows and zeroed when the last copy goes. Copies share one buffer. Threads: immutable.
class Secret {
public:
    Secret() = default;
    /// Takes the bytes over and zeroes the argument.
    explicit Secret(std::string&& text);

    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] std::size_t size() const noexcept;
    /// The bytes, valid as long as any copy of this secret. Hand them to the library that needs
    /// them and nowhere else.
    [[nodiscard]] std::string_view reveal() const noexcept;

    /// Equal bytes, compared in time that depends on the lengths only.
    [[nodiscard]] bool equals(const Secret& other) const noexcept;
    friend bool operator==(const Secret& a, const Secret& b) noexcept { return a.equals(b); }

private:
    class Buffer;
    std::shared_ptr<const Buffer> buffer_;
};

/// Overwrites memory in a way that the compiler does not remove.
void wipe(void* data, std::size_t size) noexcept;
void wipe(std::string& text) noexcept;

}  // namespace penstock

namespace penstock::config {

/// Looks up an environment variable; empty when it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// The environment of this process.
[[nodiscard]] Environment process_environment();

/// Resolves what a setting says:
///   `file:/path`       the content of a file (64 KiB at most), without the line end at its end
///   `env:NAME`         an environment variable
///   `credential:NAME`  a file of that name in $CREDENTIALS_DIRECTORY (systemd LoadCredential=)
///   `text:...`         what follows, word for word
///   anything else      the text itself
/// Errors name the reference, never the content.
[[nodiscard]] Result<Secret> resolve_secret(
    std::string_view reference, const Environment& environment
);

}  // namespace penstock::config
