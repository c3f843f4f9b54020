#pragma once

#include "base/text.h"
#include "sinks/transport/digest.h"
#include "support/fake_http_server.h"

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace penstock::test {

/// A bucket in memory behind HTTP, with the calls that the archive makes and whatever fault a test
/// wants. Signatures are not checked (the real server's tests do that), hashes of bodies are.
/// Threads: any.
class FakeS3 {
public:
    struct Object {
        std::string bytes;
        std::map<std::string, std::string> headers;
    };
    /// Gives an answer in place of the bucket's, or nothing. Runs before the request has its
    /// effect.
    using Fault = std::function<std::optional<FakeHttpReply>(const FakeHttpRequest&)>;

    [[nodiscard]] std::string endpoint() const { return server_.endpoint(); }
    FakeHttpServer& server() { return server_; }

    void set_fault(Fault fault) {
        const std::lock_guard lock(mutex_);
        fault_ = std::move(fault);
    }
    /// Breaks the connection behind the effect of the next request that `chosen` picks.
    void lose_answer(std::function<bool(const FakeHttpRequest&)> chosen) {
        const std::lock_guard lock(mutex_);
        lose_ = std::move(chosen);
    }
    [[nodiscard]] std::map<std::string, Object> objects() const {
        const std::lock_guard lock(mutex_);
        return objects_;
    }
    void put(const std::string& key, Object object) {
        const std::lock_guard lock(mutex_);
        objects_[key] = std::move(object);
    }
    [[nodiscard]] std::size_t uploads() const {
        const std::lock_guard lock(mutex_);
        return uploads_.size();
    }
    /// "PUT key", "POST key?uploads=" ... in the order they came.
    [[nodiscard]] std::vector<std::string> log() const {
        const std::lock_guard lock(mutex_);
        return log_;
    }
    void forget_log() {
        const std::lock_guard lock(mutex_);
        log_.clear();
    }

    std::atomic<bool> knows_conditions{true};

    [[nodiscard]] static FakeHttpReply error(int status, const std::string& code) {
        return {
            status,
            {"Content-Type: application/xml"},
            "<?xml version=\"1.0\"?><Error><Code>" + code +
                "</Code><Message>said the test</Message></Error>"
        };
    }

private:
    struct Upload {
        std::string key;
        std::map<int, std::string> parts;
        std::map<std::string, std::string> headers;
    };

    static std::map<std::string, std::string> query_of(const FakeHttpRequest& request) {
        std::map<std::string, std::string> query;
        const std::size_t mark = request.target.find('?');
        if (mark == std::string::npos) return query;
        std::string rest = request.target.substr(mark + 1) + '&';
        for (std::size_t at = 0; (at = rest.find('&')) != std::string::npos;
             rest.erase(0, at + 1)) {
            const std::string pair = rest.substr(0, at);
            const std::size_t equals = pair.find('=');
            query[*text::percent_decoded(pair.substr(0, equals))] =
                *text::percent_decoded(pair.substr(equals + 1));
        }
        return query;
    }

    FakeHttpReply answer(const FakeHttpRequest& request) {
        const std::lock_guard lock(mutex_);
        const std::string path = text::percent_decoded(request.path()).value();
        const std::string key = path.size() > 8 ? path.substr(8) : "";  // behind "/bucket/"
        const std::size_t mark = request.target.find('?');
        log_.push_back(
            request.method + ' ' + key +
            (mark == std::string::npos ? "" : request.target.substr(mark))
        );
        if (fault_) {
            if (auto reply = fault_(request)) return *reply;
        }
        FakeHttpReply reply = serve(request, key, query_of(request));
        if (lose_ && lose_(request)) {
            lose_ = nullptr;
            reply.manner = FakeHttpReply::Manner::reset;
        }
        return reply;
    }

    FakeHttpReply serve(
        const FakeHttpRequest& request,
        const std::string& key,
        const std::map<std::string, std::string>& query
    ) {
        if (request.headers.count("x-amz-date") == 0 || request.headers.count("authorization") == 0)
            return error(403, "AccessDenied");
        if (request.headers.at("x-amz-content-sha256") != sinks::hex(sinks::sha256(request.body)))
            return error(400, "XAmzContentSHA256Mismatch");
        if (request.method == "HEAD") return head(key);
        if (request.method == "GET" && query.contains("uploads"))
            return list_uploads(query.at("prefix"));
        if (request.method == "GET") return {200, {}, "<ListBucketResult></ListBucketResult>"};
        if (request.method == "POST" && query.contains("uploads")) return create(request, key);
        if (query.contains("uploadId")) return upload_call(request, key, query);
        if (request.method != "PUT") return error(405, "MethodNotAllowed");
        return store(request, key, {request.body, request.headers});
    }

    FakeHttpReply store(const FakeHttpRequest& request, const std::string& key, Object object) {
        if (request.headers.contains("if-none-match")) {
            if (!knows_conditions) return error(501, "NotImplemented");
            if (objects_.contains(key)) return error(412, "PreconditionFailed");
        }
        objects_[key] = std::move(object);
        return {200, {"ETag: \"x\""}, ""};
    }
    FakeHttpReply head(const std::string& key) {
        const auto found = objects_.find(key);
        if (found == objects_.end()) return {404, {}, ""};
        FakeHttpReply reply{
            200, {"Content-Length: " + std::to_string(found->second.bytes.size())}, ""
        };
        const auto digest = found->second.headers.find("x-amz-meta-penstock-sha256");
        if (digest != found->second.headers.end())
            reply.headers.push_back("x-amz-meta-penstock-sha256: " + digest->second);
        return reply;
    }
    FakeHttpReply list_uploads(const std::string& prefix) {
        std::string xml = "<ListMultipartUploadsResult>";
        for (const auto& [id, upload] : uploads_) {
            if (upload.key.starts_with(prefix))
                xml +=
                    "<Upload><Key>" + upload.key + "</Key><UploadId>" + id + "</UploadId></Upload>";
        }
        return {200, {}, xml + "</ListMultipartUploadsResult>"};
    }
    FakeHttpReply create(const FakeHttpRequest& request, const std::string& key) {
        const std::string id = "upload-" + std::to_string(++next_);
        uploads_[id] = {key, {}, request.headers};
        return {
            200,
            {},
            "<InitiateMultipartUploadResult><UploadId>" + id +
                "</UploadId></InitiateMultipartUploadResult>"
        };
    }
    FakeHttpReply upload_call(
        const FakeHttpRequest& request,
        const std::string& key,
        const std::map<std::string, std::string>& query
    ) {
        const auto upload = uploads_.find(query.at("uploadId"));
        if (upload == uploads_.end() || upload->second.key != key)
            return error(404, "NoSuchUpload");
        if (request.method == "DELETE") {
            uploads_.erase(upload);
            return {204, {}, ""};
        }
        if (request.method == "PUT") {
            upload->second.parts[std::stoi(query.at("partNumber"))] = request.body;
            return {200, {"ETag: \"part-" + query.at("partNumber") + "\""}, ""};
        }
        std::string bytes;
        for (const auto& [number, part] : upload->second.parts) {
            if (request.body.find("<PartNumber>" + std::to_string(number) + "</PartNumber>") ==
                std::string::npos)
                return error(400, "InvalidPart");
            bytes += part;
        }
        const FakeHttpReply stored = store(request, key, {bytes, upload->second.headers});
        if (stored.status == 200) uploads_.erase(upload);
        return stored;
    }

    mutable std::mutex mutex_;
    Fault fault_;
    std::function<bool(const FakeHttpRequest&)> lose_;
    std::map<std::string, Object> objects_;
    std::map<std::string, Upload> uploads_;
    std::vector<std::string> log_;
    int next_ = 0;
    FakeHttpServer server_{[this](const FakeHttpRequest& request) { return answer(request); }};
};

}  // namespace penstock::test
