#include "sinks/transport/credentials.h"

#include "base/files.h"

#include <sys/stat.h>

namespace penstock::sinks {

namespace {

std::string_view trimmed(std::string_view text) {
    const std::size_t from = text.find_first_not_of(" \t\r");
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

Secret secret_of(std::string_view text) {
    return Secret(std::string(text));
}

/// `[name]` or `[profile name]`
std::string_view section_name(std::string_view line) {
    line = trimmed(line.substr(1, line.find(']') - 1));
    if (line.starts_with("profile ")) line = trimmed(line.substr(8));
    return line;
}

void take_key(std::string_view line, AwsCredentials& out) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return;
    const std::string_view key = trimmed(line.substr(0, equals));
    const std::string_view value = trimmed(line.substr(equals + 1));
    if (key == "aws_access_key_id") out.access_key = value;
    if (key == "aws_secret_access_key") out.secret_key = secret_of(value);
    if (key == "aws_session_token") out.session_token = secret_of(value);
}

}  // namespace

Result<AwsCredentials> parse_credentials(std::string_view text, std::string_view profile) {
    AwsCredentials found;
    bool inside = false;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.front() == '#' || line.front() == ';') continue;
        if (line.front() == '[') {
            inside = section_name(line) == profile;
        } else if (inside) {
            take_key(line, found);
        }
    }
    if (!found.access_key.empty() && !found.secret_key.empty()) return found;
    return Error{
        Errc::denied,
        "the profile '" + std::string(profile) +
            "' has no aws_access_key_id and aws_secret_access_key"
    };
}

CredentialsSource::CredentialsSource(CredentialsConfig config, config::Environment environment)
    : config_(std::move(config)), environment_(std::move(environment)) {}

std::optional<std::string> CredentialsSource::variable(std::string_view name) const {
    auto value = environment_(name);
    if (value && value->empty()) value.reset();
    return value;
}

std::string CredentialsSource::profile() const {
    if (!config_.profile.empty()) return config_.profile;
    return variable("AWS_PROFILE").value_or("default");
}

std::optional<AwsCredentials> CredentialsSource::from_environment() const {
    auto access = variable("AWS_ACCESS_KEY_ID");
    auto secret = variable("AWS_SECRET_ACCESS_KEY");
    if (!access || !secret) return std::nullopt;
    return AwsCredentials{
        *std::move(access),
        Secret(*std::move(secret)),
        Secret(variable("AWS_SESSION_TOKEN").value_or(""))
    };
}

Result<AwsCredentials> CredentialsSource::from_file(const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) {
        return Error{Errc::denied, files::system_error("find credentials in", path, errno).message};
    }
    const Stamp now{
        info.st_mtim.tv_sec * kSecond + info.st_mtim.tv_nsec,
        static_cast<std::uint64_t>(info.st_size),
        info.st_ino
    };
    if (read_ && now == stamp_) return *read_;
    auto text = files::read(path, kFileBytesMax);
    if (!text.ok()) return Error{Errc::denied, text.error().message};
    auto parsed = parse_credentials(*text, profile());
    wipe(*text);
    if (!parsed.ok()) return Error{Errc::denied, path + ": " + parsed.error().message};
    read_ = *parsed;
    stamp_ = now;
    return parsed;
}

Result<AwsCredentials> CredentialsSource::get() {
    if (!config_.access_key.empty()) {
        return AwsCredentials{config_.access_key, config_.secret_key, config_.session_token};
    }
    if (!config_.credentials_file.empty()) return from_file(config_.credentials_file);
    if (auto found = from_environment()) return *std::move(found);
    if (const auto shared = variable("AWS_SHARED_CREDENTIALS_FILE")) return from_file(*shared);
    if (const auto home = variable("HOME")) return from_file(*home + "/.aws/credentials");
    return Error{
        Errc::denied,
        "no credentials: set access_key and secret_key, credentials_file, or AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY"
    };
}

}  // namespace penstock::sinks

namespace penstock::config {

using sinks::CredentialsConfig;

Table<CredentialsConfig> Fields<CredentialsConfig>::table() {
    return {
        field(
            "access_key",
            &CredentialsConfig::access_key,
            "Access key id. Without it: credentials_file, then the AWS_* variables, then "
            "~/.aws/credentials."
        ),
        field("secret_key", &CredentialsConfig::secret_key, "Secret of the access key."),
        field(
            "session_token", &CredentialsConfig::session_token, "Token of temporary credentials."
        ),
        field(
            "credentials_file",
            &CredentialsConfig::credentials_file,
            "File in the format of ~/.aws/credentials; read again when it changes."
        ),
        field(
            "profile",
            &CredentialsConfig::profile,
            "Section of the credentials file; AWS_PROFILE or 'default' when not set."
        ),
    };
}

void Fields<CredentialsConfig>::check(
    const CredentialsConfig& c, const Origin& where, Problems& problems
) {
    if (c.access_key.empty() != c.secret_key.empty()) {
        problems.error(where.here(), "access_key and secret_key must be set together");
    }
}

}  // namespace penstock::config
