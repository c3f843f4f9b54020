#include "auth/password.h"

#include "support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

namespace penstock::auth {
namespace {

const std::string kHash =
    "$argon2id$v=19$m=47104,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

std::filesystem::path write(const test::TempDir& dir, const std::string& content) {
    auto path = dir / "passwords";
    std::ofstream(path, std::ios::binary) << content;
    return path;
}

std::string content_of(const std::filesystem::path& path) {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
}

std::string why_refused(const std::string& content) {
    const test::TempDir dir;
    const auto read = read_password_file(write(dir, content));
    REQUIRE_FALSE(read.ok());
    return read.error().message;
}

}  // namespace

TEST_CASE("password: a hash verifies its own password and no other", "[auth]") {
    const auto phc = hash_password("correct horse");
    REQUIRE(phc.ok());
    CHECK(phc->starts_with("$argon2id$v=19$m=47104,t=1,p=1$"));
    CHECK(check_phc(*phc).ok());
    CHECK(verify_password("correct horse", *phc));
    CHECK_FALSE(verify_password("correct hors", *phc));
    CHECK_FALSE(verify_password("", *phc));
    CHECK(*hash_password("correct horse") != *phc);
}

TEST_CASE("password: empty and endless passwords are not hashed", "[auth]") {
    CHECK_FALSE(hash_password("").ok());
    CHECK_FALSE(hash_password(std::string(4097, 'x')).ok());
}

TEST_CASE("password: users are added, replaced and removed, other lines stay", "[auth]") {
    const test::TempDir dir;
    const auto file = write(dir, "# devices\n\nold:" + kHash);
    REQUIRE(set_password(file, "new", "secret-1").ok());
    REQUIRE(set_password(file, "new", "secret-2").ok());
    CHECK(content_of(file).starts_with("# devices\n\nold:" + kHash + "\nnew:$argon2id$"));
    auto users = read_password_file(file);
    REQUIRE(users.ok());
    CHECK(users->size() == 2);
    CHECK(verify_password("secret-2", users->at("new")));
    REQUIRE(remove_user(file, "old").ok());
    CHECK(read_password_file(file)->size() == 1);
    CHECK(remove_user(file, "old").error().code == Errc::not_found);
    CHECK(remove_user(file, "new").error().code == Errc::conflict);
}

TEST_CASE("password: a new file is readable by its owner only", "[auth][D23]") {
    const test::TempDir dir;
    const auto file = dir / "made";
    REQUIRE(set_password(file, "user", "secret").ok());
    struct stat info{};
    REQUIRE(::stat(file.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600U);
}

TEST_CASE("password: a malformed file is never edited", "[auth][A02]") {
    const test::TempDir dir;
    const auto file = write(dir, "nonsense\n");
    CHECK_FALSE(set_password(file, "user", "secret").ok());
    CHECK_FALSE(remove_user(file, "user").ok());
    CHECK(content_of(file) == "nonsense\n");
}

TEST_CASE("password: an empty or comment-only file is refused", "[auth][A02]") {
    CHECK(why_refused("").find("holds no user") != std::string::npos);
    CHECK(why_refused("# a\n\n  # b\n").find("holds no user") != std::string::npos);
}

TEST_CASE("password: a bad line is refused with its place, whatever else is right", "[auth][A02]") {
    const std::string good = "a:" + kHash + "\n";
    for (const std::string& bad :
         {std::string("user"),
          std::string("user:"),
          std::string(":") + kHash,
          std::string("user:plain"),
          std::string("user:$7$101$salt$hash"),
          "user:" + kHash.substr(0, kHash.size() / 2),
          "user:" + kHash + ":more",
          "us\x01er:" + kHash,
          std::string("user:$argon2id$v=19$m=4194304,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$") +
              std::string(43, 'A'),
          std::string("user:$argon2id$v=19$m=47104,t=99999,p=1$AAAAAAAAAAAAAAAAAAAAAA$") +
              std::string(43, 'A')}) {
        INFO(bad);
        CHECK(why_refused(good + bad + "\n").find("passwords:2: ") != std::string::npos);
    }
}

TEST_CASE("password: a user that stands twice is refused", "[auth][A02]") {
    CHECK(
        why_refused("a:" + kHash + "\na:" + kHash + "\n").find(":2: this user stands twice") !=
        std::string::npos
    );
}

TEST_CASE("password: a file cut at any byte is refused or whole lines only", "[auth][A02]") {
    const std::string whole = "a:" + kHash + "\nb:" + kHash + "\n";
    const test::TempDir dir;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto read = read_password_file(write(dir, whole.substr(0, size)));
        if (!read.ok()) continue;
        for (const auto& [user, phc] : *read)
            CHECK(check_phc(phc).ok());
    }
}

TEST_CASE("password: an unreadable file is an error", "[auth][A02]") {
    const test::TempDir dir;
    CHECK_FALSE(read_password_file(dir / "absent").ok());
    CHECK_FALSE(read_password_file(dir.path()).ok());
}

}  // namespace penstock::auth
