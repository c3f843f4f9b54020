#include "sinks/encode/zstd_writer.h"

#include <zstd.h>

#include <cstdlib>
#include <new>

namespace penstock::sinks {

namespace {

constexpr int kWindowLog = 19;

/// Compressing fails for settings out of range (a bug) and for want of memory only.
void must(std::size_t outcome) noexcept {
    if (ZSTD_isError(outcome)) std::abort();
}

}  // namespace

struct ZstdWriter::State {
    State() : context(ZSTD_createCCtx()), room(ZSTD_CStreamOutSize(), '\0') {
        if (!context) throw std::bad_alloc();
    }
    ~State() { ZSTD_freeCCtx(context); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    /// The room that output goes through has a constant size: the output of the library may depend
    /// on it.
    void run(std::string_view bytes, ZSTD_EndDirective directive, std::string& out) {
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        bool more = true;
        while (more) {
            ZSTD_outBuffer to{room.data(), room.size(), 0};
            const std::size_t left = ZSTD_compressStream2(context, &to, &in, directive);
            must(left);
            out.append(room.data(), to.pos);
            more = directive == ZSTD_e_end ? left != 0 : in.pos < in.size;
        }
    }

    ZSTD_CCtx* context;
    std::string room;
};

ZstdWriter::ZstdWriter(int level) : state_(std::make_unique<State>()) {
    must(ZSTD_CCtx_setParameter(state_->context, ZSTD_c_compressionLevel, level));
    must(ZSTD_CCtx_setParameter(state_->context, ZSTD_c_windowLog, kWindowLog));
    must(ZSTD_CCtx_setParameter(state_->context, ZSTD_c_checksumFlag, 1));
}

ZstdWriter::~ZstdWriter() = default;
ZstdWriter::ZstdWriter(ZstdWriter&&) noexcept = default;
ZstdWriter& ZstdWriter::operator=(ZstdWriter&&) noexcept = default;

void ZstdWriter::add(std::string_view bytes, std::string& out) {
    state_->run(bytes, ZSTD_e_continue, out);
}

void ZstdWriter::end(std::string& out) {
    state_->run({}, ZSTD_e_end, out);
}

void ZstdWriter::whole(std::string_view bytes, std::string& out) {
    const std::size_t from = out.size();
    out.resize(from + ZSTD_compressBound(bytes.size()));
    const std::size_t size = ZSTD_compress2(
        state_->context, out.data() + from, out.size() - from, bytes.data(), bytes.size()
    );
    must(size);
    out.resize(from + size);
}

unsigned ZstdWriter::library_version() noexcept {
    return ZSTD_versionNumber();
}

std::string zstd_decompressed(std::string_view bytes, std::size_t bytes_max) {
    std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(
        ZSTD_createDCtx(), &ZSTD_freeDCtx
    );
    std::string out;
    std::string room(ZSTD_DStreamOutSize(), '\0');
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    std::size_t left = 0;
    while (in.pos < in.size) {
        ZSTD_outBuffer to{room.data(), room.size(), 0};
        left = ZSTD_decompressStream(context.get(), &to, &in);
        if (ZSTD_isError(left) || out.size() + to.pos > bytes_max) return {};
        out.append(room.data(), to.pos);
    }
    return left == 0 ? out : std::string();
}

}  // namespace penstock::sinks
