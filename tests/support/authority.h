#pragma once

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace penstock::test {

/// Certificates made by the openssl program for one test: authorities `ca` and `other-ca`, and what
/// they issue. Threads: one.
class Authority {
public:
    explicit Authority(const std::filesystem::path& folder) : folder_(folder) {
        make("ca", "/CN=Test CA", "");
        make("other-ca", "/CN=Other CA", "");
    }
    /// `issue("server", "/CN=localhost")` makes server.pem and server.key.
    void issue(const std::string& name, const std::string& subject, const std::string& by = "ca") {
        make(name, subject, by);
    }
    [[nodiscard]] std::filesystem::path certificate(const std::string& name) const {
        return folder_ / (name + ".pem");
    }
    [[nodiscard]] std::filesystem::path key(const std::string& name) const {
        return folder_ / (name + ".key");
    }

private:
    void make(const std::string& name, const std::string& subject, const std::string& by) {
        std::string command =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout "
            "'" +
            key(name).string() + "' -out '" + certificate(name).string() + "' -subj '" + subject +
            "'";
        if (!by.empty()) {
            command += " -CA '" + certificate(by).string() + "' -CAkey '" + key(by).string() +
                       "' -addext basicConstraints=CA:FALSE";
        }
        // openssl req -CA takes a request to sign only since 3.0, which is the oldest that builds
        // here.
        REQUIRE(std::system((command + " 2>/dev/null").c_str()) == 0);
    }

    std::filesystem::path folder_;
};

}  // namespace penstock::test
