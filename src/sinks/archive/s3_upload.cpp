#include "sinks/archive/s3_upload.h"

#include "base/base64.h"
#include "base/log.h"
#include "base/text.h"
#include "sinks/archive/object_name.h"
#include "sinks/transport/digest.h"

#include <algorithm>
#include <utility>

namespace penstock::sinks {

namespace {

std::string base64_of(std::string_view bytes) {
    std::string out;
    const Sha256Digest digest = sha256(bytes);
    append_base64(bytes_of(digest), out);
    return out;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> object_headers(const S3StoreConfig& config) {
    std::vector<std::pair<std::string, std::string>> headers;
    if (config.encryption != ServerSideEncryption::unset) {
        const bool kms = config.encryption == ServerSideEncryption::aws_kms;
        headers.emplace_back("x-amz-server-side-encryption", kms ? "aws:kms" : "AES256");
        if (!config.kms_key.empty())
            headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", config.kms_key);
    }
    if (!config.tags.empty()) {
        std::string tags;
        for (const auto& [name, value] : config.tags) {
            if (!tags.empty()) tags += '&';
            text::append_percent_encoded(tags, name);
            tags += '=';
            text::append_percent_encoded(tags, value);
        }
        headers.emplace_back("x-amz-tagging", std::move(tags));
    }
    return headers;
}

S3Upload::S3Upload(const ArchiveObject& object, bool again, S3Manner& manner)
    : object_(object), manner_(manner), key_(object.name), again_(again) {
    begin();
}

void S3Upload::begin() {
    if (again_ || !manner_.conditional) {
        step_ = Step::look;
    } else {
        step_ = large() ? Step::list : Step::put;
    }
}

std::string_view S3Upload::part() const noexcept {
    const std::uint64_t offset = etags_.size() * manner_.part_size;
    const std::string_view bytes = object_.bytes;
    return bytes.substr(std::min<std::uint64_t>(offset, bytes.size()), manner_.part_size);
}

std::string_view S3Upload::action() const noexcept {
    switch (step_) {
        case Step::look:
        case Step::verify:
            return "looking for an object";
        case Step::list:
        case Step::clean:
            return "cleaning up unfinished uploads";
        case Step::create:
            return "beginning a multipart upload";
        case Step::part:
            return "uploading a part";
        case Step::complete:
            return "completing a multipart upload";
        case Step::abort:
            return "aborting a multipart upload";
        case Step::put:
        case Step::done:
            break;
    }
    return "uploading an object";
}

S3Call S3Upload::complete_call() {
    body_ = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    for (std::size_t i = 0; i < etags_.size(); ++i) {
        body_ += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>";
        append_xml_escaped(etags_[i], body_);
        body_ += "</ETag></Part>";
    }
    body_ += "</CompleteMultipartUpload>";
    S3Call call{
        "POST",
        key_,
        {{"uploadId", upload_id_}},
        {{"content-type", "application/xml"}},
        body_,
        hex(sha256(body_))
    };
    if (manner_.conditional) call.headers.emplace_back("if-none-match", "*");
    return call;
}

/// What an object is begun with, in one piece or in parts.
S3Call S3Upload::begin_call(std::string method) const {
    S3Call call{
        std::move(method),
        key_,
        {},
        {{"content-type", std::string(object_.content_type)},
         {std::string(kDigestHeader), object_.sha256}},
        {},
        {}
    };
    if (step_ == Step::create) call.query = {{"uploads", ""}};
    call.headers.insert(call.headers.end(), manner_.headers.begin(), manner_.headers.end());
    return call;
}

S3Call S3Upload::call() {
    switch (step_) {
        case Step::look:
        case Step::verify:
            return {"HEAD", key_, {}, {}, {}, {}};
        case Step::list:
            return {"GET", {}, {{"uploads", ""}, {"prefix", key_}}, {}, {}, {}};
        case Step::clean:
            return {"DELETE", key_, {{"uploadId", orphans_.back()}}, {}, {}, {}};
        case Step::create:
            return begin_call("POST");
        case Step::part:
            return {
                "PUT",
                key_,
                {{"partNumber", std::to_string(etags_.size() + 1)}, {"uploadId", upload_id_}},
                {},
                part(),
                hex(sha256(part()))
            };
        case Step::complete:
            return complete_call();
        case Step::abort:
            return {"DELETE", key_, {{"uploadId", upload_id_}}, {}, {}, {}};
        case Step::put:
        case Step::done:
            break;
    }
    S3Call call = begin_call("PUT");
    call.headers.emplace_back("x-amz-checksum-sha256", base64_of(object_.bytes));
    call.body = object_.bytes;
    call.body_sha256 = object_.sha256;
    if (manner_.conditional) call.headers.emplace_back("if-none-match", "*");
    return call;
}

void S3Upload::fail(SinkFailure failure) {
    // Behind create, and not because the upload is unknown: give its parts back first.
    if (!upload_id_.empty() && step_ != Step::abort) {
        pending_ = std::move(failure);
        step_ = Step::abort;
        return;
    }
    failure_ = pending_ ? std::exchange(pending_, std::nullopt) : std::move(failure);
}

void S3Upload::failed(SinkFailure failure) {
    // Nobody answers: nobody would hear an abort either. The next attempt cleans up.
    upload_id_.clear();
    fail(std::move(failure));
}

void S3Upload::looked(const HttpResponse& response) {
    const auto size = text::parse_uint(response.header("content-length"));
    const std::string_view digest = response.header(kDigestHeader);
    const bool same = size == object_.bytes.size() && (digest.empty() || digest == object_.sha256);
    if (same) {
        step_ = Step::done;
        return;
    }
    if (step_ == Step::verify) {
        upload_id_.clear();
        return fail(
            {FailureClass::transient,
             "a completed multipart upload has another size than was sent",
             std::nullopt}
        );
    }
    if (renamed_) {
        return fail(
            {FailureClass::configuration,
             "other bytes stand under both names of an object",
             std::nullopt}
        );
    }
    log::warn(
        "archive object stands there with other bytes, putting it beside", {{"object", key_}}
    );
    renamed_ = true;
    there_ = false;
    key_ = name_beside(object_.name, object_.sha256);
    begin();
}

void S3Upload::listed(const HttpResponse& response) {
    for (const std::string& upload : xml_texts(response.body, "Upload")) {
        const auto keys = xml_texts(upload, "Key");
        const auto ids = xml_texts(upload, "UploadId");
        if (keys.size() == 1 && ids.size() == 1 && keys[0] == key_) orphans_.push_back(ids[0]);
    }
    after_clean_ = Step::create;
    step_ = orphans_.empty() ? Step::create : Step::clean;
}

void S3Upload::answered(const HttpResponse& response, Nanoseconds wall) {
    if (const auto error = s3_error(response)) return refused(response, *error, wall);
    switch (step_) {
        case Step::look:
        case Step::verify:
            return looked(response);
        case Step::put:
            step_ = Step::done;
            return;
        case Step::list:
            return listed(response);
        case Step::clean:
            return orphan_gone();
        case Step::create: {
            const auto ids = xml_texts(response.body, "UploadId");
            if (ids.empty())
                return fail(
                    {FailureClass::transient, "a multipart upload began without an id", std::nullopt
                    }
                );
            upload_id_ = ids.front();
            step_ = Step::part;
            return;
        }
        case Step::part:
            if (response.header("etag").empty()) {
                return fail(
                    {FailureClass::transient, "a part was taken without an ETag", std::nullopt}
                );
            }
            etags_.emplace_back(response.header("etag"));
            if (part().empty()) step_ = Step::complete;
            return;
        case Step::complete:
            step_ = Step::verify;
            return;
        case Step::abort:
            return fail({});
        case Step::done:
            return;
    }
}

/// A "no" that is not the end: returns whether there is a next step.
bool S3Upload::goes_on(const HttpResponse& response, const S3Error& error) {
    const int status = response.status;
    // Without the right to list, a service answers 403 for what does not exist.
    const bool absent = status == 404 || (status == 403 && !there_);
    switch (step_) {
        case Step::look:
            if (!absent || !error.code.empty()) return false;
            again_ = false;
            step_ = large() ? Step::list : Step::put;
            return true;
        case Step::list:
            if (status != 403 && status != 405 && status != 501) return false;
            log::warn(
                "cannot list unfinished uploads: what a kill left behind stays",
                {{"object", key_}, {"status", status}}
            );
            step_ = Step::create;
            return true;
        case Step::clean:
            if (status != 404) return false;
            orphan_gone();
            return true;
        case Step::put:
        case Step::complete:
            return written_by_another(status, error);
        default:
            return false;
    }
}

bool S3Upload::written_by_another(int status, const S3Error& error) {
    const bool completing = step_ == Step::complete;
    if (status == 412) {
        // Somebody, most likely this sink before a crash, was first: equal bytes are as good as
        // ours.
        there_ = true;
        step_ = Step::look;
        if (completing) {  // our parts are not needed
            orphans_.push_back(std::exchange(upload_id_, {}));
            etags_.clear();
            after_clean_ = Step::look;
            step_ = Step::clean;
        }
        return true;
    }
    if (manner_.conditional && (status == 501 || error.code == "NotImplemented")) {
        manner_.conditional = false;
        if (!completing) step_ = Step::look;
        return true;
    }
    if (completing && error.code == "NoSuchUpload") {
        upload_id_.clear();  // completed by a request whose answer was lost?
        step_ = Step::verify;
        return true;
    }
    return false;
}

void S3Upload::orphan_gone() {
    orphans_.pop_back();
    if (orphans_.empty()) step_ = after_clean_;
}

void S3Upload::refused(const HttpResponse& response, const S3Error& error, Nanoseconds wall) {
    if (step_ == Step::abort) return fail({});
    if (goes_on(response, error)) return;
    if (error.code == "NoSuchUpload") upload_id_.clear();
    if (step_ == Step::verify && response.status == 404) {
        return fail({FailureClass::transient, "a multipart upload is gone", std::nullopt});
    }
    fail(s3_failure(response, error, action(), wall));
}

}  // namespace penstock::sinks
