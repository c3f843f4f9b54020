#include "sinks/archive/object_reader.h"

#include "base/files.h"
#include "base/text.h"
#include "sinks/archive/s3_call.h"
#include "sinks/transport/digest.h"
#include "sinks/transport/http_client.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace penstock::sinks {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNamesMax = 10'000'000;
constexpr std::uint64_t kObjectBytesMax = std::uint64_t{4} << 30;
/// A thousand names of 1,024 bytes, each escaped and with what stands around it.
constexpr std::size_t kPageBytesMax = std::size_t{8} << 20;

Error too_many_names() {
    return {Errc::too_large, "the archive has more than 10 million objects"};
}

class FolderReader final : public ObjectReader {
public:
    explicit FolderReader(fs::path directory) : directory_(std::move(directory)) {}

    [[nodiscard]] Result<std::vector<std::string>> list(const std::string& folder) override {
        std::vector<std::string> names;
        std::error_code failed;
        if (!files::exists(directory_ / folder)) return names;
        fs::recursive_directory_iterator at(directory_ / folder, failed);
        for (; !failed && at != fs::recursive_directory_iterator(); at.increment(failed)) {
            if (!at->is_regular_file(failed)) continue;
            std::string name = at->path().lexically_relative(directory_).string();
            if (name.starts_with('.')) continue;  // a sink's temporary files
            if (names.size() == kNamesMax) return too_many_names();
            names.push_back(std::move(name));
        }
        if (failed)
            return Error{
                Errc::io, "cannot list " + (directory_ / folder).string() + ": " + failed.message()
            };
        std::sort(names.begin(), names.end());
        return names;
    }
    [[nodiscard]] Result<std::string> read(const std::string& name, std::uint64_t bytes_max)
        override {
        if (!files::exists(directory_ / name)) return Error{Errc::not_found, name + " is missing"};
        return files::read(directory_ / name, bytes_max);
    }
    [[nodiscard]] Result<ObjectFacts> look(const std::string& name, bool) override {
        PS_TRY(const std::string bytes, read(name, kObjectBytesMax));
        return ObjectFacts{bytes.size(), hex(sha256(bytes))};
    }

private:
    fs::path directory_;
};

class BucketReader final : public ObjectReader {
public:
    BucketReader(const S3StoreConfig& config, const Clock& clock, std::uint32_t names_at_once)
        : signer_(config, clock),
          clock_(clock),
          client_(config.http),
          names_at_once_(names_at_once) {}

    [[nodiscard]] Result<std::vector<std::string>> list(const std::string& folder) override {
        std::vector<std::string> names;
        std::string next;
        do {
            S3Call call{
                "GET",
                {},
                {{"list-type", "2"},
                 {"max-keys", std::to_string(names_at_once_)},
                 {"prefix", folder}},
                {},
                {},
                {}
            };
            if (!next.empty()) call.query.emplace_back("continuation-token", next);
            PS_TRY(const HttpResponse page, make(call, "listing the bucket", kPageBytesMax));
            for (std::string& name : xml_texts(page.body, "Key"))
                names.push_back(std::move(name));
            if (names.size() > kNamesMax) return too_many_names();
            auto tokens = xml_texts(page.body, "NextContinuationToken");
            next = tokens.empty() ? std::string() : std::move(tokens.front());
        } while (!next.empty());
        std::sort(names.begin(), names.end());
        return names;
    }
    [[nodiscard]] Result<std::string> read(const std::string& name, std::uint64_t bytes_max)
        override {
        PS_TRY(
            HttpResponse answer, make({"GET", name, {}, {}, {}, {}}, "reading an object", bytes_max)
        );
        return std::move(answer.body);
    }
    [[nodiscard]] Result<ObjectFacts> look(const std::string& name, bool deep) override {
        PS_TRY(
            const HttpResponse head,
            make({"HEAD", name, {}, {}, {}, {}}, "looking for an object", kPageBytesMax)
        );
        const std::string digest(head.header(kDigestHeader));
        const auto size = text::parse_uint(head.header("content-length"));
        if (!deep && size && !digest.empty()) return ObjectFacts{*size, digest};
        PS_TRY(const std::string bytes, read(name, size.value_or(kObjectBytesMax)));
        return ObjectFacts{bytes.size(), hex(sha256(bytes))};
    }

private:
    Result<HttpResponse> make(
        const S3Call& call, std::string_view action, std::uint64_t bytes_max
    ) {
        PS_TRY(HttpRequest request, signer_.request(call));
        request.answer_max = bytes_max;
        PS_TRY(HttpResponse answer, client_.call(std::move(request)));
        const auto error = s3_error_of(call, answer);
        if (!error) return answer;
        if (answer.status == 404 && error->code != "NoSuchBucket" && !call.key.empty())
            return Error{Errc::not_found, call.key + " is missing"};
        const SinkFailure failure = s3_failure(answer, *error, action, clock_.wall());
        const bool denied = failure.kind == FailureClass::credentials;
        return Error{denied ? Errc::denied : Errc::unavailable, failure.message};
    }
    /// An object may hold any bytes: only what is no success is read as an error.
    static std::optional<S3Error> s3_error_of(const S3Call& call, const HttpResponse& answer) {
        if (!call.key.empty() && answer.success()) return std::nullopt;
        return s3_error(answer);
    }

    S3Signer signer_;
    const Clock& clock_;
    HttpClient client_;
    std::uint32_t names_at_once_;
};

}  // namespace

std::unique_ptr<ObjectReader> make_object_reader(
    const ArchiveConfig& config, const Clock& clock, std::uint32_t names_at_once
) {
    if (config.s3) return std::make_unique<BucketReader>(*config.s3, clock, names_at_once);
    return std::make_unique<FolderReader>(config.local->directory);
}

}  // namespace penstock::sinks
