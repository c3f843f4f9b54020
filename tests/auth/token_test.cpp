#include "auth/token.h"

#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>

namespace penstock::auth {
namespace {

// printf %s 'a-token-of-some-length' | sha256sum
constexpr const char* kToken = "a-token-of-some-length";
constexpr const char* kDigest = "4f0d205b316ab19696f52d3dc08107a4186c12b117a2a23581353b462001edee";

Status add_text(TokenTable& table, const std::string& content) {
    const test::TempDir dir;
    const auto path = dir / "tokens";
    std::ofstream(path, std::ios::binary) << content;
    return table.add_file(path);
}

}  // namespace

TEST_CASE("token: found by what sha256sum prints", "[auth]") {
    TokenTable table;
    REQUIRE(add_text(table, std::string("# ops\r\n\r\nops:") + kDigest + "\r\n").ok());
    CHECK(table.find(kToken) == "ops");
    CHECK_FALSE(table.find("a-token-of-some-lengt"));
    CHECK_FALSE(table.find(kDigest));
    CHECK_FALSE(table.find(""));
}

TEST_CASE("token: a file without tokens or with a bad line is refused", "[auth][A02]") {
    const std::string good = std::string("a:") + kDigest + "\n";
    for (const std::string& bad :
         {std::string(),
          std::string("# only\n"),
          good + "b\n",
          good + "b:\n",
          good + "b:0123\n",
          good + "b:" + std::string(64, 'g') + "\n",
          good + ":" + std::string(64, '0') + "\n",
          good + good}) {
        TokenTable table;
        CHECK_FALSE(add_text(table, bad).ok());
    }
    TokenTable table;
    CHECK(add_text(table, good + "b\n").error().message.find("tokens:2: ") != std::string::npos);
}

TEST_CASE("token: short tokens are no tokens", "[auth]") {
    TokenTable table;
    CHECK_FALSE(table.add("ops", "short").ok());
    CHECK(table.add("ops", "sixteen-bytes-ok").ok());
    CHECK(table.add("dev", "sixteen-bytes-ok").error().code == Errc::conflict);
    CHECK(table.find("sixteen-bytes-ok") == "ops");
}

}  // namespace penstock::auth
