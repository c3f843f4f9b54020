#include "sinks/transport/credentials.h"

#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <map>

using namespace penstock;
using namespace penstock::sinks;

namespace {

config::Environment environment(std::map<std::string, std::string> variables) {
    return [values = std::move(variables)](std::string_view name) -> std::optional<std::string> {
        const auto found = values.find(std::string(name));
        if (found == values.end()) return std::nullopt;
        return found->second;
    };
}

void write(const std::filesystem::path& path, std::string_view text) {
    std::ofstream(path, std::ios::trunc) << text;
}

std::string keys(const Result<AwsCredentials>& found) {
    if (!found.ok()) return "error: " + found.error().message;
    std::string text = found->access_key + '/' + std::string(found->secret_key.reveal());
    if (!found->session_token.empty()) text += '/' + std::string(found->session_token.reveal());
    return text;
}

}  // namespace

TEST_CASE("credentials: settings go before file, file before environment", "[sinks][credentials]") {
    const test::TempDir dir;
    const std::string file = dir / "credentials";
    write(file, "[default]\naws_access_key_id = F\naws_secret_access_key = FS\n");
    const auto env = environment(
        {{"AWS_ACCESS_KEY_ID", "E"}, {"AWS_SECRET_ACCESS_KEY", "ES"}, {"AWS_SESSION_TOKEN", "ET"}}
    );

    CredentialsConfig config;
    CHECK(keys(CredentialsSource(config, env).get()) == "E/ES/ET");
    config.credentials_file = file;
    CHECK(keys(CredentialsSource(config, env).get()) == "F/FS");
    config.access_key = "C";
    config.secret_key = Secret(std::string("CS"));
    CHECK(keys(CredentialsSource(config, env).get()) == "C/CS");
}

TEST_CASE("credentials: AWS' own file is found by variable or home", "[sinks][credentials]") {
    const test::TempDir dir;
    std::filesystem::create_directory(dir / ".aws");
    write(
        dir / ".aws/credentials",
        "[a]\naws_access_key_id=A\naws_secret_access_key=AS\n[default]\naws_access_key_id=D\naws_"
        "secret_access_key=DS\n"
    );
    CHECK(keys(CredentialsSource({}, environment({{"HOME", dir.path()}})).get()) == "D/DS");
    CHECK(
        keys(CredentialsSource({}, environment({{"HOME", dir.path()}, {"AWS_PROFILE", "a"}})).get()
        ) == "A/AS"
    );
    CHECK(
        keys(CredentialsSource(
                 {}, environment({{"AWS_SHARED_CREDENTIALS_FILE", dir / ".aws/credentials"}})
        )
                 .get()) == "D/DS"
    );
}

TEST_CASE("credentials: a file that changed is read again", "[sinks][credentials]") {
    const test::TempDir dir;
    CredentialsConfig config;
    config.credentials_file = dir / "c";
    CredentialsSource source(config, environment({}));
    CHECK_FALSE(source.get().ok());
    write(dir / "c", "[default]\naws_access_key_id = A\naws_secret_access_key = 1\n");
    CHECK(keys(source.get()) == "A/1");
    write(dir / "c", "[default]\naws_access_key_id = A\naws_secret_access_key = 22\n");
    CHECK(keys(source.get()) == "A/22");
}

TEST_CASE("credentials: comments, blanks and other keys are no trouble", "[sinks][credentials]") {
    const auto found = parse_credentials(
        "# c\r\n\r\n; c\r\n[profile x]\r\nregion = eu\r\n  aws_access_key_id  =  K=1 "
        "\r\nnonsense\r\naws_secret_access_key= a/b+c= \r\n",
        "x"
    );
    CHECK(keys(found) == "K=1/a/b+c=");
    CHECK_FALSE(parse_credentials("[x]\naws_access_key_id = K\n", "x").ok());
    CHECK_FALSE(parse_credentials("[x", "x").ok());
    CHECK_FALSE(parse_credentials("", "x").ok());
}

TEST_CASE(
    "credentials: an error says what was looked for and shows no key", "[sinks][credentials]"
) {
    const auto none = CredentialsSource({}, environment({})).get();
    REQUIRE_FALSE(none.ok());
    CHECK(none.error().code == Errc::denied);
    const auto half = parse_credentials("[x]\naws_secret_access_key = hidden\n", "x");
    CHECK(half.error().message.find("hidden") == std::string::npos);
}
