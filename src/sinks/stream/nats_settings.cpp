#include "sinks/stream/nats_settings.h"

#include "sinks/stream/nats_errors.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace penstock::sinks {

namespace {

using StreamInfo = std::unique_ptr<jsStreamInfo, NatsDelete<jsStreamInfo_Destroy>>;

}  // namespace

std::int64_t nats_milliseconds(Duration span) {
    return std::max<std::int64_t>(
        1, std::chrono::duration_cast<std::chrono::milliseconds>(span).count()
    );
}

NatsOptions nats_options(
    const NatsConfig& config, const NatsCallbacks& callbacks, SinkFailure& why
) {
    natsOptions* made = nullptr;
    natsStatus status = natsOptions_Create(&made);
    NatsOptions owned(made);
    const auto set = [&status](auto call, auto... arguments) {
        if (status == NATS_OK) status = call(arguments...);
    };
    std::vector<const char*> servers;
    for (const std::string& server : config.servers)
        servers.push_back(server.c_str());
    set(natsOptions_SetServers, made, servers.data(), static_cast<int>(servers.size()));
    set(natsOptions_SetName, made, "penstock");
    set(natsOptions_SetTimeout, made, nats_milliseconds(config.connect_timeout));
    set(natsOptions_SetAllowReconnect, made, false);
    set(natsOptions_SetPingInterval, made, nats_milliseconds(config.ack_timeout));
    set(natsOptions_SetWriteDeadline, made, nats_milliseconds(config.ack_timeout));
    set(natsOptions_SetClosedCB, made, callbacks.closed, callbacks.closure);
    set(natsOptions_SetErrorHandler, made, callbacks.error, callbacks.closure);
    if (!config.user.empty()) {
        std::string password(config.password.reveal());
        set(natsOptions_SetUserInfo, made, config.user.c_str(), password.c_str());
        wipe(password);
    }
    if (!config.token.empty()) {
        std::string token(config.token.reveal());
        set(natsOptions_SetToken, made, token.c_str());
        wipe(token);
    }
    if (!config.credentials.empty()) {
        set(natsOptions_SetUserCredentialsFromFiles, made, config.credentials.c_str(), nullptr);
    }
    if (config.use_tls) {
        set(natsOptions_SetSecure, made, true);
        if (!config.tls.ca.empty())
            set(natsOptions_LoadCATrustedCertificates, made, config.tls.ca.c_str());
        if (!config.tls.certificate.empty()) {
            set(natsOptions_LoadCertificatesChain,
                made,
                config.tls.certificate.c_str(),
                config.tls.key.c_str());
        }
    }
    if (status == NATS_OK) return owned;
    why = nats_failure("settings", status);
    why.kind = FailureClass::configuration;
    return nullptr;
}

std::optional<SinkFailure> open_nats_stream(jsCtx& js, const NatsConfig& config) {
    jsStreamInfo* found = nullptr;
    jsErrCode code{};
    natsStatus status = js_GetStreamInfo(&found, &js, config.stream.c_str(), nullptr, &code);
    const StreamInfo info(found);
    if (status == NATS_OK) return std::nullopt;
    const bool missing = status == NATS_NOT_FOUND || code == JSStreamNotFoundErr;
    if (!missing || !config.create_stream) {
        SinkFailure why = nats_failure("stream '" + config.stream + "'", status, code);
        if (missing) {
            why.kind = FailureClass::configuration;
            why.message =
                "there is no stream '" + config.stream + "' (create_stream: true makes it)";
            why.lost_contact = false;
        }
        return why;
    }
    const std::string filter = nats_subject_filter(config.subject);
    const char* subject = filter.c_str();
    jsStreamConfig wanted;
    jsStreamConfig_Init(&wanted);
    wanted.Name = config.stream.c_str();
    wanted.Subjects = &subject;
    wanted.SubjectsLen = 1;
    wanted.Storage = js_FileStorage;
    wanted.Replicas = config.replicas;
    jsStreamInfo* made = nullptr;
    status = js_AddStream(&made, &js, &wanted, nullptr, &code);
    const StreamInfo made_info(made);
    if (status == NATS_OK) return std::nullopt;
    return nats_failure("stream '" + config.stream + "' not made", status, code);
}

}  // namespace penstock::sinks
