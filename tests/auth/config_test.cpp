#include "auth/config.h"

#include <catch2/catch.hpp>

namespace penstock::auth {

TEST_CASE("auth config: files, references and the anonymous switch", "[auth][config]") {
    config::Problems problems;
    const auto environment = [](std::string_view name) -> std::optional<std::string> {
        if (name == "OPS") return "0123456789abcdef";
        return std::nullopt;
    };
    const auto read = config::read<Config>(
        "passwords: /etc/penstock/passwords\nbearer: { ops: \"env:OPS\" }\nanonymous: true",
        "p.yaml",
        problems,
        environment
    );
    INFO(problems.text());
    REQUIRE(read);
    CHECK(read->passwords == "/etc/penstock/passwords");
    CHECK(read->bearer.find("ops")->reveal() == "0123456789abcdef");
    CHECK(read->anonymous);
}

TEST_CASE("auth config: a reference that leads nowhere is an error", "[auth][config][A02]") {
    config::Problems problems;
    const auto none = [](std::string_view) -> std::optional<std::string> { return std::nullopt; };
    CHECK_FALSE(config::read<Config>("bearer: { ops: \"env:OPS\" }", "p.yaml", problems, none));
    CHECK_FALSE(problems.ok());
}

}  // namespace penstock::auth
