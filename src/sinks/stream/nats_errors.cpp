#include "sinks/stream/nats_errors.h"

#include <utility>

namespace penstock::sinks {

namespace {

/// The calling thread's last error, in words.
std::string words(std::string_view what, natsStatus status) {
    const char* detail = nats_GetLastError(nullptr);
    std::string text(what);
    text += ": ";
    text += natsStatus_GetText(status);
    if (detail != nullptr && *detail != '\0') {
        text += ": ";
        text += detail;
    }
    return nats_one_line(std::move(text));
}

}  // namespace

std::string nats_one_line(std::string text) {
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    return text;
}

FailureClass nats_failure_class(natsStatus status) noexcept {
    switch (status) {
        case NATS_CONNECTION_AUTH_FAILED:
        case NATS_NOT_PERMITTED:
        case NATS_SSL_ERROR:
            return FailureClass::credentials;
        case NATS_SECURE_CONNECTION_WANTED:
        case NATS_SECURE_CONNECTION_REQUIRED:
        case NATS_INVALID_ARG:
        case NATS_INVALID_SUBJECT:
        case NATS_ADDRESS_MISSING:
        case NATS_NO_SERVER_SUPPORT:
            return FailureClass::configuration;
        default:
            return FailureClass::transient;
    }
}

FailureClass nats_failure_class(jsErrCode code) noexcept {
    switch (code) {
        case JSStreamNotFoundErr:
        case JSStreamNotMatchErr:
        case JSNotEnabledErr:
        case JSNotEnabledForAccountErr:
        case JSStreamSealedErr:
        case JSStreamSubjectOverlapErr:
        case JSStreamNameExistErr:
            return FailureClass::configuration;
        case JSAccountResourcesExceededErr:
        case JSInsufficientResourcesErr:
        case JSMemoryResourcesExceededErr:
        case JSStorageResourcesExceededErr:
        case JSStreamStoreFailedErr:
            return FailureClass::throttled;
        default:
            return FailureClass::transient;
    }
}

SinkFailure nats_failure(std::string_view what, natsStatus status, jsErrCode code) {
    SinkFailure failure;
    failure.kind = code == 0 ? nats_failure_class(status) : nats_failure_class(code);
    failure.message = words(what, status);
    failure.lost_contact = failure.kind == FailureClass::transient;
    return failure;
}

}  // namespace penstock::sinks
