#include "base/posix_error.h"

#include <cerrno>
#include <system_error>

namespace penstock {

Errc posix_code(int error) noexcept {
    switch (error) {
        case ENOENT:
            return Errc::not_found;
        case EEXIST:
            return Errc::conflict;
        case EACCES:
        case EPERM:
            return Errc::denied;
        case ENOSPC:
        case EDQUOT:
            return Errc::full;
        case EINVAL:
        case EOPNOTSUPP:
            return Errc::unsupported;
        default:
            return Errc::io;
    }
}

std::string posix_text(int error) {
    return std::generic_category().message(error) + " (errno " + std::to_string(error) + ")";
}

Error posix_error(int error, std::string_view what) {
    return {posix_code(error), std::string(what) + ": " + posix_text(error)};
}

}  // namespace penstock
