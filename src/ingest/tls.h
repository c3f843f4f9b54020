#pragma once

#include "ingest/config.h"
#include "ingest/transport.h"
#include "penstock/result.h"

#include <memory>
#include <mutex>

struct ssl_ctx_st;

namespace penstock::ingest {

/// The server side of TLS for one listener: certificate, key, who may sign client certificates.
/// TLS 1.2 and 1.3; ECDHE with AES-GCM or ChaCha20-Poly1305; no renegotiation, compression, tickets
/// or early data. An unknown ALPN or SNI is ignored: old devices send what their last server
/// wanted. Threads: any thread.
class TlsServer {
public:
    /// Errors name the file.
    [[nodiscard]] static Result<std::unique_ptr<TlsServer>> open(const TlsConfig& config);

    /// A stream whose handshake has yet to be made. Errors: unavailable (out of memory).
    [[nodiscard]] Result<Transport> accept(Socket socket) const;
    /// Reads the files anew. On error the old ones stay in use.
    [[nodiscard]] Status reload();
    /// When the certificate in use ends, as wall time in seconds since 1970.
    [[nodiscard]] double certificate_expiry() const;

private:
    using Context = std::shared_ptr<ssl_ctx_st>;
    [[nodiscard]] Context context() const;
    TlsServer(TlsConfig config, Context context);
    [[nodiscard]] static Result<Context> load(const TlsConfig& config);

    TlsConfig config_;
    mutable std::mutex mutex_;  // guards context_, held for a copy of the pointer only
    Context context_;
};

}  // namespace penstock::ingest
