#include "api/readiness.h"

#include "base/json_text.h"

namespace penstock::api {

std::string to_json(const Readiness& readiness) {
    std::string out = "{\"ready\":";
    out += readiness.ready() ? "true" : "false";
    out += ",\"reasons\":[";
    for (const Reason& reason : readiness.reasons) {
        if (out.back() != '[') out += ',';
        out += "{\"code\":";
        append_json_string(reason.code, out);
        out += ",\"message\":";
        append_json_string(reason.message, out);
        out += reason.failing ? ",\"failing\":true}" : ",\"failing\":false}";
    }
    out += "]}\n";
    return out;
}

}  // namespace penstock::api
