#include "api/answer.h"

#include "base/json_text.h"

namespace penstock::api {
namespace {

unsigned status_of(Errc code) noexcept {
    switch (code) {
        case Errc::not_found:
            return 404;
        case Errc::invalid_argument:
        case Errc::malformed:
        case Errc::too_large:
            return 400;
        case Errc::unavailable:
        case Errc::cancelled:
        case Errc::timed_out:
            return 503;
        default:
            return 500;
    }
}

}  // namespace

Answer problem(unsigned status, std::string_view code, std::string_view message) {
    Answer answer;
    answer.status = status;
    answer.body = "{\"error\":";
    append_json_string(code, answer.body);
    answer.body += ",\"message\":";
    append_json_string(message, answer.body);
    answer.body += "}\n";
    return answer;
}

Answer problem(const Error& error) {
    return problem(status_of(error.code), name(error.code), error.message);
}

}  // namespace penstock::api
