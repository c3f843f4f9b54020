#pragma once

#include "config/ordered_map.h"
#include "sinks/config.h"
#include "sinks/encode/archive_format.h"
#include "sinks/transport/credentials.h"
#include "sinks/transport/http_client.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace penstock::sinks {

/// A folder that objects go to.
struct LocalStoreConfig {
    std::filesystem::path directory;
};

/// How a service encrypts objects that it keeps. Source: Amazon S3 API reference, PutObject,
/// `x-amz-server-side-encryption`.
enum class ServerSideEncryption : std::uint8_t {
    unset,    // as the bucket says
    aes256,   // with keys of the service
    aws_kms,  // with a key of a key management service
};

/// A bucket of an S3-compatible service.
struct S3StoreConfig {
    std::string endpoint;
    std::string bucket;
    std::string prefix;
    std::string region = "us-east-1";
    bool path_style = true;
    ByteCount multipart_above = 16_MiB;
    ByteCount part_size = 8_MiB;
    std::uint32_t connections = 4;
    ServerSideEncryption encryption = ServerSideEncryption::unset;
    std::string kms_key;
    config::OrderedMap<std::string> tags;
    CredentialsConfig credentials;
    HttpConfig http;
};

/// When a window is closed: as soon as one of these is reached.
struct WindowConfig {
    ByteCount bytes = 32_MiB;  // of its objects, compressed; also the bound on memory, twice
    Duration age = std::chrono::seconds(60);
    std::uint32_t partitions = 1024;
};

/// Settings of the archive sink.
struct ArchiveConfig : SinkConfig {
    ArchiveFormat format = ArchiveFormat::ndjson;
    int level = 1;
    WindowConfig window;
    std::optional<LocalStoreConfig> local;
    std::optional<S3StoreConfig> s3;
};

}  // namespace penstock::sinks

template <>
struct penstock::config::Fields<penstock::sinks::LocalStoreConfig> {
    static Table<sinks::LocalStoreConfig> table();
};

template <>
struct penstock::config::Fields<penstock::sinks::S3StoreConfig> {
    static Table<sinks::S3StoreConfig> table();
    static void check(const sinks::S3StoreConfig&, const Origin&, Problems&);
};

template <>
struct penstock::config::Fields<penstock::sinks::WindowConfig> {
    static Table<sinks::WindowConfig> table();
};

template <>
struct penstock::config::Fields<penstock::sinks::ArchiveConfig> {
    static Table<sinks::ArchiveConfig> table();
    static void check(const sinks::ArchiveConfig&, const Origin&, Problems&);
};
