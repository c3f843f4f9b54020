#include "ingest/http/http_house.h"
#include "support/authority.h"
#include "support/temp_dir.h"

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>

namespace penstock {
namespace {

using test::Authority;
using test::HttpHouse;

/// An HTTPS listener, and curl as its client.
class HttpsHouse {
public:
    explicit HttpsHouse(ingest::ClientCertificate mode = ingest::ClientCertificate::optional) {
        authority_.issue("server", "/CN=penstock.test");
        authority_.issue("pump", "/CN=pump-7");
        authority_.issue("stranger", "/CN=stranger", "other-ca");
        HttpHouse::Options options;
        options.http.tls.emplace();
        options.http.tls->certificate = authority_.certificate("server");
        options.http.tls->key = authority_.key("server");
        options.http.tls->client_ca = authority_.certificate("ca");
        options.http.tls->client_certificate = mode;
        house = std::make_unique<HttpHouse>(options);
    }

    [[nodiscard]] std::string url(std::string_view scheme = "https") const {
        return std::string(scheme) + "://penstock.test:" + std::to_string(house->port()) +
               "/v1/ingest/wearables";
    }
    [[nodiscard]] std::string as(const std::string& name) const {
        return " --cert '" + authority_.certificate(name).string() + "' --key '" +
               authority_.key(name).string() + "'";
    }
    [[nodiscard]] std::filesystem::path file(const std::string& name, std::string_view content)
        const {
        auto path = folder_.path() / name;
        std::ofstream(path, std::ios::binary) << content;
        return path;
    }

    /// What curl prints, and how it ended.
    struct Said {
        std::string text;
        int code = 0;
    };
    [[nodiscard]] Said curl(const std::string& arguments) const {
        const std::string command =
            "curl -sS --max-time 60 --noproxy '*' --resolve penstock.test:" +
            std::to_string(house->port()) + ":127.0.0.1 --cacert '" +
            authority_.certificate("ca").string() + "' " + arguments + " 2>&1";
        Said said;
        FILE* const pipe = ::popen(command.c_str(), "r");
        REQUIRE(pipe != nullptr);
        std::array<char, 4096> buffer{};
        while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
            said.text.append(buffer.data(), n);
        said.code = WEXITSTATUS(::pclose(pipe));
        return said;
    }

private:
    test::TempDir folder_;
    Authority authority_{folder_.path()};

public:
    std::unique_ptr<HttpHouse> house;
};

}  // namespace

TEST_CASE("https: records come in over TLS 1.2 and 1.3", "[ingest][http][tls]") {
    const HttpsHouse https;
    for (const std::string version : {"1.2", "1.3"}) {
        const auto said = https.curl(
            "--tls-max " + version + " --tlsv" + version +
            " -w '%{http_code} %{ssl_verify_result}' -d '{\"a\":1}' " + https.url()
        );
        CHECK(said.text.ends_with("\n200 0"));
    }
    REQUIRE(https.house->intake.taken().size() == 2);
    CHECK(https.house->intake.taken()[0].payload == "{\"a\":1}");
    CHECK(https.house->intake.taken()[0].client_id.empty());
}

TEST_CASE(
    "https: a long compressed body comes whole, and the next request on the same connection too",
    "[ingest][http][tls]"
) {
    const HttpsHouse https;
    std::string lines;
    for (int i = 0; i < 5'000; ++i)
        lines += "{\"n\":" + std::to_string(i * 7919 % 100'003) + ",\"text\":\"" +
                 std::to_string(i * 31) + "\"}\n";
    const auto body = https.file("body.gz", test::gzipped(lines));
    const auto said = https.curl(
        "-H 'Content-Type: application/x-ndjson' -H 'Content-Encoding: gzip' -H "
        "'Transfer-Encoding: chunked' -w '%{http_code} %{num_connects}\n' --data-binary @'" +
        body.string() + "' " + https.url() + " " + https.url()
    );
    CHECK(said.text.find("\n200 1\n") != std::string::npos);
    CHECK(said.text.ends_with("\n200 0\n"));
    const auto taken = https.house->intake.taken();
    REQUIRE(taken.size() == 10'000);
    for (const std::size_t last : {4'999U, 9'999U})
        CHECK(taken[last].payload == "{\"n\":85896,\"text\":\"154969\"}");
}

TEST_CASE("https: a verified client certificate names the client", "[ingest][http][tls]") {
    const HttpsHouse https;
    CHECK(https.curl("-d '{\"a\":1}'" + https.as("pump") + " " + https.url()).code == 0);
    CHECK(https.curl("-d '{\"a\":2}'" + https.as("stranger") + " " + https.url()).code == 0);
    const auto taken = https.house->intake.taken();
    REQUIRE(taken.size() == 2);
    CHECK(taken[0].client_id == "pump-7");
    CHECK(taken[1].client_id.empty());
}

TEST_CASE(
    "https: where certificates are required, nothing is taken without a known one",
    "[ingest][http][tls]"
) {
    const HttpsHouse https(ingest::ClientCertificate::required);
    CHECK(https.curl("-d '{\"a\":1}' " + https.url()).code != 0);
    CHECK(https.curl("-d '{\"a\":1}'" + https.as("stranger") + " " + https.url()).code != 0);
    CHECK(https.curl("-d '{\"a\":1}'" + https.as("pump") + " " + https.url()).code == 0);
    CHECK(https.house->intake.taken().size() == 1);
}

TEST_CASE("https: plain HTTP gets no answer, and costs others nothing", "[ingest][http][tls]") {
    const HttpsHouse https;
    const auto plain = https.curl("-d '{\"a\":1}' " + https.url("http"));
    CHECK(plain.code != 0);
    CHECK(https.curl("-d '{\"a\":2}' " + https.url()).code == 0);
    CHECK(https.house->intake.taken().size() == 1);
    CHECK(
        https.house->metric(
            "penstock_refused_connections_total",
            {{"listener", "http"}, {"reason", "tls_handshake"}}
        ) == 1
    );
}

}  // namespace penstock
