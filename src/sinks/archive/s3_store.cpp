#include "sinks/archive/s3_store.h"

#include <utility>

namespace penstock::sinks {

S3Store::S3Store(const S3StoreConfig& config, const Clock& clock)
    : config_(config),
      clock_(clock),
      signer_(config, clock),
      manner_{config.multipart_above.value, config.part_size.value, true, object_headers(config)},
      client_(config.http) {}

void S3Store::begin(const ArchiveObject& object, bool again) {
    waiting_.push_back(std::make_unique<S3Upload>(object, again, manner_));
}

void S3Store::send(Upload upload, StoreProgress& progress) {
    auto request = signer_.request(upload->call());
    if (!request.ok()) {
        progress.failure =
            SinkFailure{FailureClass::credentials, request.error().message, std::nullopt};
        return;
    }
    progress.sent_bytes += request->body.size();
    const HttpTicket ticket = client_.send(*std::move(request));
    uploads_.emplace(ticket, std::move(upload));
}

void S3Store::finished(HttpFinished one, StoreProgress& progress) {
    auto node = uploads_.extract(one.ticket);
    if (node.empty()) return;
    Upload upload = std::move(node.mapped());
    if (one.outcome.ok()) {
        upload->answered(*one.outcome, clock_.wall());
    } else {
        upload->failed(failure_of(one.outcome.error()));
    }
    if (upload->failure()) {
        progress.failure = upload->failure();
    } else if (upload->done()) {
        progress.done.push_back({&upload->object(), upload->key()});
        progress.conflicts += upload->conflict() ? 1U : 0U;
    } else {
        send(std::move(upload), progress);
    }
}

StoreProgress S3Store::poll(Nanoseconds wait) {
    StoreProgress progress;
    for (Upload& upload : std::exchange(waiting_, {})) {
        if (!progress.failure) send(std::move(upload), progress);
    }
    if (progress.failure) return progress;
    for (HttpFinished& one : client_.poll(wait))
        finished(std::move(one), progress);
    return progress;
}

void S3Store::cancel() {
    waiting_.clear();
    uploads_.clear();
    client_.cancel_all();
}

Status S3Store::probe(Nanoseconds bound) {
    PS_TRY(
        HttpRequest request,
        signer_.request({"GET", {}, {{"list-type", "2"}, {"max-keys", "1"}}, {}, {}, {}})
    );
    PS_TRY(const HttpResponse response, call_within(config_.http, bound, std::move(request)));
    const auto error = s3_error(response);
    if (!error) return {};
    const SinkFailure failure = s3_failure(response, *error, "listing the bucket", clock_.wall());
    const bool denied = failure.kind == FailureClass::credentials;
    return Error{denied ? Errc::denied : Errc::unavailable, failure.message};
}

}  // namespace penstock::sinks
