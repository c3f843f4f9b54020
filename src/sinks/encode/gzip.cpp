#include "sinks/encode/gzip.h"

#define ZLIB_CONST  // NOLINT(readability-identifier-naming): zlib's switch
#include <zlib.h>

#include <new>

namespace penstock::sinks {

std::string gzip(std::string_view bytes) {
    constexpr int kGzipHeader = 16;
    z_stream stream{};
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + kGzipHeader, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        throw std::bad_alloc();
    }
    std::string out(deflateBound(&stream, bytes.size()), '\0');
    stream.next_in = reinterpret_cast<const Bytef*>(bytes.data());
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);  // the bound makes it end in one call
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

}  // namespace penstock::sinks
