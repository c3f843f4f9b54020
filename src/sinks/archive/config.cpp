#include "sinks/archive/config.h"

#include "sinks/archive/object_name.h"
#include "sinks/encode/zstd_writer.h"
#include "sinks/transport/url.h"

namespace penstock::config {

using sinks::ArchiveConfig;
using sinks::ArchiveFormat;
using sinks::LocalStoreConfig;
using sinks::S3StoreConfig;
using sinks::ServerSideEncryption;
using sinks::WindowConfig;

Table<LocalStoreConfig> Fields<LocalStoreConfig>::table() {
    return {
        field(
            "directory",
            &LocalStoreConfig::directory,
            "Folder for the objects; made when it is missing (mode 0700).",
            required,
            not_empty
        ),
    };
}

Table<S3StoreConfig> Fields<S3StoreConfig>::table() {
    using C = S3StoreConfig;
    return {
        field(
            "endpoint",
            &C::endpoint,
            "URL of the service without a path, e.g. https://s3.eu-central-1.amazonaws.com.",
            required,
            satisfies<std::string>("an http or https URL without a path", sinks::is_origin)
        ),
        field(
            "bucket",
            &C::bucket,
            "Bucket; it must exist.",
            required,
            matches(
                "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
                "a bucket name (3 to 63 lower-case letters, digits, '-' or '.')"
            )
        ),
        field(
            "prefix",
            &C::prefix,
            "Beginning of every object name.",
            satisfies<std::string>(
                "a relative path without '.' and '..' in it, of at most 300 bytes",
                [](const std::string& text) { return sinks::is_object_prefix(text); }
            )
        ),
        field("region", &C::region, "Region that requests are signed for.", not_empty),
        field(
            "path_style", &C::path_style, "Bucket in the path (true) or in the host name (false)."
        ),
        field(
            "multipart_above",
            &C::multipart_above,
            "Objects above this size go up in parts.",
            between(5_MiB, 4_GiB)
        ),
        field("part_size", &C::part_size, "Size of a part.", between(5_MiB, 1_GiB)),
        field("connections", &C::connections, "Objects under way at once.", between(1U, 32U)),
        field(
            "encryption",
            &C::encryption,
            "Encryption at rest that each object asks for. unset: as the bucket says. AES256: with "
            "keys of the service. aws:kms: with a key of its key management service.",
            one_of<ServerSideEncryption>(
                {{"unset", ServerSideEncryption::unset},
                 {"AES256", ServerSideEncryption::aes256},
                 {"aws:kms", ServerSideEncryption::aws_kms}}
            )
        ),
        field(
            "kms_key",
            &C::kms_key,
            "Id or ARN of the key for encryption: aws:kms. Empty: the account's own.",
            matches("[!-~]{0,2048}", "printable characters without blanks")
        ),
        field("tags", &C::tags, "Tags of every object: name to value.", max_items(10)),
        keys_of(&C::credentials),
        keys_of(&C::http),
    };
}

void Fields<S3StoreConfig>::check(const S3StoreConfig& c, const Origin& where, Problems& problems) {
    if (!c.path_style && c.bucket.find('.') != std::string::npos &&
        c.endpoint.starts_with("https:")) {
        problems.error(
            where.at("path_style"),
            "a bucket name with dots matches no certificate as a host name: use path_style: true"
        );
    }
    if (!c.kms_key.empty() && c.encryption != sinks::ServerSideEncryption::aws_kms)
        problems.error(where.at("kms_key"), "'kms_key' needs 'encryption: aws:kms'");
    for (const auto& [name, value] : c.tags) {
        // Source: Amazon S3 user guide, "Categorizing your objects using tags".
        if (name.empty() || name.size() > 128 || value.size() > 256)
            problems.error(
                where.at("tags"), "a tag's name has 1 to 128 bytes, its value at most 256"
            );
    }
}

Table<WindowConfig> Fields<WindowConfig>::table() {
    return {
        field(
            "bytes",
            &WindowConfig::bytes,
            "A window is closed when its objects have this size together, compressed. Two windows "
            "are in memory at most.",
            between(64_KiB, 1_GiB)
        ),
        field(
            "age",
            &WindowConfig::age,
            "Or when its first record has waited this long.",
            between<Duration>(std::chrono::milliseconds(10), std::chrono::hours(24))
        ),
        field(
            "partitions",
            &WindowConfig::partitions,
            "Or when it has more objects than this.",
            between(1U, 10'000U)
        ),
    };
}

Table<ArchiveConfig> Fields<ArchiveConfig>::table() {
    return {
        field(
            "format",
            &ArchiveConfig::format,
            "ndjson: enriched records, one JSON object a line. raw: payloads as received, each "
            "behind a line of JSON that tells its size. parquet: a table with a column for each "
            "field that the stream declares.",
            one_of<ArchiveFormat>(
                {{"ndjson", ArchiveFormat::ndjson},
                 {"raw", ArchiveFormat::raw},
                 {"parquet", ArchiveFormat::parquet}}
            )
        ),
        field(
            "level",
            &ArchiveConfig::level,
            "Level of zstd.",
            between(sinks::ZstdWriter::kLevelMin, sinks::ZstdWriter::kLevelMax)
        ),
        field("window", &ArchiveConfig::window, "How many records share an object."),
        field("local", &ArchiveConfig::local, "Store: a local folder."),
        field("s3", &ArchiveConfig::s3, "Store: a bucket of an S3-compatible service."),
    };
}

void Fields<ArchiveConfig>::check(const ArchiveConfig& c, const Origin& where, Problems& problems) {
    if (c.local.has_value() == c.s3.has_value()) {
        problems.error(where.here(), "an archive needs one store: local or s3");
    }
}

}  // namespace penstock::config
