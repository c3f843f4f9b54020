#pragma once

#include "config/field.h"
#include "penstock/result.h"
#include "sinks/transport/sigv4.h"

#include <filesystem>
#include <optional>
#include <string>

namespace penstock::sinks {

/// Where the keys of an S3-like service come from: `access_key` and `secret_key` in the settings;
/// else `credentials_file`; else the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
/// AWS_SESSION_TOKEN); else the shared credentials file of AWS' own tools
/// (AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials). The profile of a file is `profile`, else
/// AWS_PROFILE, else "default".
struct CredentialsConfig {
    std::string access_key;
    Secret secret_key;
    Secret session_token;
    std::string credentials_file;
    std::string profile;
};

/// Gives the keys as they are now: a file is read again when it has changed.
/// Errors: `denied`, with what was looked for and where; never with a key in it.
/// Threads: owner.
class CredentialsSource {
public:
    static constexpr std::size_t kFileBytesMax = 1 << 20;

    CredentialsSource(CredentialsConfig config, config::Environment environment);

    [[nodiscard]] Result<AwsCredentials> get();

private:
    /// What tells one content of a file from another without reading it.
    struct Stamp {
        std::int64_t modified_ns = 0;
        std::uint64_t size = 0;
        std::uint64_t inode = 0;
        bool operator==(const Stamp&) const = default;
    };

    [[nodiscard]] std::optional<AwsCredentials> from_environment() const;
    [[nodiscard]] Result<AwsCredentials> from_file(const std::string& path);
    [[nodiscard]] std::string profile() const;
    [[nodiscard]] std::optional<std::string> variable(std::string_view name) const;

    CredentialsConfig config_;
    config::Environment environment_;
    Stamp stamp_;
    std::optional<AwsCredentials> read_;
};

/// The keys of one profile in the text of a shared credentials file. Source: AWS SDKs and Tools
/// Reference Guide, "Shared config and credentials files".
[[nodiscard]] Result<AwsCredentials> parse_credentials(
    std::string_view text, std::string_view profile
);

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::CredentialsConfig> {
    static Table<sinks::CredentialsConfig> table();
    static void check(const sinks::CredentialsConfig&, const Origin&, Problems&);
};
