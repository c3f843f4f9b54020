#include "config/secret.h"

#include "base/log.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>
#include <string>
#include <type_traits>

using namespace penstock;
using config::resolve_secret;

namespace {

config::Environment with(std::string name, std::string value) {
    return [known = std::move(name), held = std::move(value)](std::string_view asked) {
        return asked == known ? std::optional<std::string>(held) : std::nullopt;
    };
}

const config::Environment kEmpty = [](std::string_view) { return std::nullopt; };

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

}  // namespace

TEST_CASE("secret: it cannot be printed, logged or turned to text by accident", "[config][A13]") {
    STATIC_REQUIRE_FALSE(Printable<Secret>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<log::Value, Secret>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<Secret, std::string>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<Secret, std::string_view>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<std::string, Secret>);
}

TEST_CASE("secret: making one zeroes the text that it was made from", "[config][A13]") {
    std::string text = "hunter2";
    const Secret secret(std::move(text));
    CHECK(secret.reveal() == "hunter2");
    CHECK(text.empty());
    CHECK(std::string_view(text.data(), 7).find("hunter") == std::string_view::npos);
}

TEST_CASE("secret: wiping covers the memory that a longer text left behind", "[config]") {
    std::string text = "a long text that lives on the heap, not in the string";
    text.resize(3);
    const char* memory = text.data();
    wipe(text);
    CHECK(memory == text.data());
    CHECK(std::string_view(memory, 53).find("heap") == std::string_view::npos);
}

TEST_CASE("secret: copies share and compare by content", "[config]") {
    const Secret a(std::string("x"));
    const Secret b = a;  // NOLINT(performance-unnecessary-copy-initialization)
    CHECK(a == b);
    CHECK(a == Secret(std::string("x")));
    CHECK_FALSE(a == Secret(std::string("y")));
    CHECK_FALSE(a == Secret());
    CHECK(Secret().empty());
}

TEST_CASE("secret: references to file, environment and credential are followed", "[config]") {
    const test::TempDir dir;
    std::ofstream(dir / "key") << "from file\n";
    CHECK(resolve_secret("file:" + (dir / "key").string(), kEmpty).value().reveal() == "from file");
    CHECK(resolve_secret("env:TOKEN", with("TOKEN", "t")).value().reveal() == "t");
    CHECK(
        resolve_secret("credential:key", with("CREDENTIALS_DIRECTORY", dir.path().string()))
            .value()
            .reveal() == "from file"
    );
    CHECK(resolve_secret("plain", kEmpty).value().reveal() == "plain");
    CHECK(resolve_secret("text:env:X", kEmpty).value().reveal() == "env:X");
}

TEST_CASE("secret: a reference that leads nowhere is an error that names it", "[config]") {
    CHECK(
        resolve_secret("env:NONE", kEmpty).error().message == "the environment has no variable NONE"
    );
    CHECK_FALSE(resolve_secret("file:/no/such", kEmpty).ok());
    CHECK_FALSE(resolve_secret("credential:../x", with("CREDENTIALS_DIRECTORY", "/tmp")).ok());
    CHECK_FALSE(resolve_secret("credential:x", kEmpty).ok());
    CHECK_FALSE(resolve_secret("env:E", with("E", "")).ok());
}
