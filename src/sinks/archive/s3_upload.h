#pragma once

#include "penstock/sink.h"
#include "sinks/archive/s3_call.h"
#include "sinks/archive/store.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks {

/// What uploads of a bucket share.
struct S3Manner {
    std::uint64_t multipart_above = 0;
    std::uint64_t part_size = 0;
    /// Whether the store takes If-None-Match: * on PUT and CompleteMultipartUpload. The first
    /// answer of 501 turns it off: from then on every object is looked for before it is put.
    bool conditional = true;
    /// What each object is begun with: encryption and tags. Names in lower case.
    std::vector<std::pair<std::string, std::string>> headers = {};
};

/// The headers that these settings ask for.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> object_headers(
    const S3StoreConfig& config
);

/// One object on its way into a bucket: a list of calls, each decided by the answer to the one
/// before. No I/O.
///
///     again -> HEAD --- there, same --> done
///                  \--- there, other -> under another name, from the beginning
///     small:  PUT (If-None-Match: *, its SHA-256 signed and stored beside it) -> done | 412 ->
///     HEAD large:  list own uploads of this key, abort each (left behind by a kill: S10)
///             -> create -> parts in order -> complete -> HEAD: size right? -> done
///             a 200 that holds an error is a failure (S11); any failure behind create aborts the
///             upload first
///
/// Threads: owner.
class S3Upload {
public:
    S3Upload(const ArchiveObject& object, bool again, S3Manner& manner);

    [[nodiscard]] const ArchiveObject& object() const noexcept { return object_; }
    /// Where it stands once it is done.
    [[nodiscard]] const std::string& key() const noexcept { return key_; }
    /// The call to make now. Precondition: not done and no failure.
    [[nodiscard]] S3Call call();
    void answered(const HttpResponse& response, Nanoseconds wall);
    /// No answer came.
    void failed(SinkFailure failure);

    [[nodiscard]] bool done() const noexcept { return step_ == Step::done; }
    [[nodiscard]] const std::optional<SinkFailure>& failure() const noexcept { return failure_; }
    /// Put under another name, beside an object with other bytes.
    [[nodiscard]] bool conflict() const noexcept { return renamed_; }

private:
    enum class Step : std::uint8_t {
        look,
        put,
        list,
        clean,
        create,
        part,
        complete,
        verify,
        abort,
        done
    };

    void begin();
    void looked(const HttpResponse& response);
    void listed(const HttpResponse& response);
    void orphan_gone();
    [[nodiscard]] bool goes_on(const HttpResponse& response, const S3Error& error);
    [[nodiscard]] bool written_by_another(int status, const S3Error& error);
    void refused(const HttpResponse& response, const S3Error& error, Nanoseconds wall);
    void fail(SinkFailure failure);
    [[nodiscard]] bool large() const noexcept {
        return object_.bytes.size() > manner_.multipart_above;
    }
    [[nodiscard]] std::string_view part() const noexcept;
    [[nodiscard]] std::string_view action() const noexcept;
    [[nodiscard]] S3Call complete_call();
    [[nodiscard]] S3Call begin_call(std::string method) const;

    const ArchiveObject& object_;
    S3Manner& manner_;
    std::string key_;
    Step step_ = Step::look;
    bool again_;
    bool renamed_ = false;
    bool there_ = false;  // a conditional write said so
    Step after_clean_ = Step::create;
    std::string upload_id_;
    std::vector<std::string> orphans_;    // upload ids of this key, left behind
    std::vector<std::string> etags_;      // of the parts that are up
    std::string body_;                    // of complete
    std::optional<SinkFailure> pending_;  // reported once the upload is aborted
    std::optional<SinkFailure> failure_;
};

}  // namespace penstock::sinks
