#include "ingest/http/route.h"

#include "base/json_text.h"
#include "base/text.h"

#include <algorithm>

namespace penstock::ingest::http {
namespace {

constexpr std::string_view kIngest = "/v1/ingest/";
constexpr std::size_t kStreamBytesMax = 255;

std::string_view path_of(std::string_view target) noexcept {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (!target.starts_with(scheme)) continue;
        target.remove_prefix(scheme.size());
        const std::size_t slash = target.find('/');
        target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
        break;
    }
    return target.substr(0, target.find_first_of("?#"));
}

}  // namespace

Route route_of(std::string_view target) {
    std::string_view path = path_of(target);
    if (!path.starts_with(kIngest)) return {};
    path.remove_prefix(kIngest.size());
    if (path.ends_with('/')) path.remove_suffix(1);
    if (path.find('/') != std::string_view::npos) return {};
    const auto stream = text::percent_decoded(path);
    const bool good = stream && !stream->empty() && stream->size() <= kStreamBytesMax &&
                      valid_utf8(*stream) && stream->find('\0') == std::string::npos;
    if (!good) return {Route::Kind::bad_name, {}};
    return {Route::Kind::ingest, *stream};
}

}  // namespace penstock::ingest::http
