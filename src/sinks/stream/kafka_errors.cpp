#include "sinks/stream/kafka_errors.h"

#include <librdkafka/rdkafka.h>

namespace penstock::sinks {
namespace {

rd_kafka_resp_err_t as_code(int code) {
    return static_cast<rd_kafka_resp_err_t>(code);
}

}  // namespace

FailureClass kafka_failure_class(int code) noexcept {
    // NOLINTNEXTLINE(clang-diagnostic-switch-enum): the library knows some two hundred codes.
    switch (as_code(code)) {
        case RD_KAFKA_RESP_ERR__AUTHENTICATION:
        case RD_KAFKA_RESP_ERR__SSL:
        case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
        case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
            return FailureClass::credentials;
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
        case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
        case RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE:
        case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
        case RD_KAFKA_RESP_ERR__INVALID_ARG:
            return FailureClass::configuration;
        case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
            return FailureClass::throttled;
        default:
            return FailureClass::transient;
    }
}

bool kafka_blames_record(int code) noexcept {
    const auto error = as_code(code);
    return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
           error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
           error == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
           error == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP;
}

std::string kafka_error_text(int code, const char* detail) {
    std::string text = rd_kafka_err2name(as_code(code));
    text += ": ";
    text += detail != nullptr && *detail != '\0' ? detail : rd_kafka_err2str(as_code(code));
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    return text;
}

}  // namespace penstock::sinks
