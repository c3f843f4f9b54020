#pragma once

#include "sinks/archive/s3_upload.h"

#include <map>
#include <memory>

namespace penstock::sinks {

/// A bucket: several uploads at once over kept connections.
/// Threads: owner.
class S3Store final : public Store {
public:
    /// Precondition: the settings passed their check.
    S3Store(const S3StoreConfig& config, const Clock& clock);

    void begin(const ArchiveObject& object, bool again) override;
    [[nodiscard]] bool room() const noexcept override {
        return uploads_.size() + waiting_.size() < config_.connections;
    }
    [[nodiscard]] StoreProgress poll(Nanoseconds wait) override;
    void cancel() override;
    /// Asks for one object name of the bucket: address, bucket, credentials and clock are right
    /// when it is told.
    [[nodiscard]] Status probe(Nanoseconds bound) override;

private:
    using Upload = std::unique_ptr<S3Upload>;

    void send(Upload upload, StoreProgress& progress);
    void finished(HttpFinished one, StoreProgress& progress);

    S3StoreConfig config_;
    const Clock& clock_;
    S3Signer signer_;
    S3Manner manner_;
    HttpClient client_;
    std::vector<Upload> waiting_;
    std::map<HttpTicket, Upload> uploads_;
};

}  // namespace penstock::sinks
