#include "ingest/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <array>
#include <string>
#include <utility>

namespace penstock::ingest {
namespace {

Error tls_error(std::string what) {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    if (reason != nullptr) what += std::string(": ") + reason;
    return {Errc::invalid_argument, std::move(what)};
}

/// Lets unknown client certificates pass; verify_result then says that they are not verified.
int verify_tolerantly(X509_STORE_CTX* store, void*) {
    if (X509_verify_cert(store) == 1) return 1;
    if (X509_STORE_CTX_get_error(store) == X509_V_OK) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
    }
    return 1;
}

Status load_identity(SSL_CTX* context, const TlsConfig& config) {
    const std::string chain = config.certificate.string();
    const std::string key = config.key.string();
    if (SSL_CTX_use_certificate_chain_file(context, chain.c_str()) != 1) {
        return tls_error("cannot use the certificate '" + chain + "'");
    }
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
        return tls_error("cannot use the key '" + key + "'");
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        return tls_error(
            "the key '" + key + "' does not belong to the certificate '" + chain + "'"
        );
    }
    return {};
}

Status load_clients(SSL_CTX* context, const TlsConfig& config) {
    if (config.client_certificate == ClientCertificate::off) return {};
    int mode = SSL_VERIFY_PEER;
    if (config.client_certificate == ClientCertificate::required) {
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    } else {
        SSL_CTX_set_cert_verify_callback(context, verify_tolerantly, nullptr);
    }
    SSL_CTX_set_verify(context, mode, nullptr);
    if (config.client_ca.empty()) return {};
    const std::string file = config.client_ca.string();
    if (SSL_CTX_load_verify_file(context, file.c_str()) != 1) {
        return tls_error("cannot use the client authorities '" + file + "'");
    }
    // The names of the authorities go into the request, so that a client picks the right one of
    // several certificates.
    STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(file.c_str());
    if (names == nullptr) return tls_error("no certificate in '" + file + "'");
    SSL_CTX_set_client_CA_list(context, names);
    return {};
}

Status configure(SSL_CTX* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(
        context,
        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
            SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE |
            SSL_OP_PRIORITIZE_CHACHA
    );
    SSL_CTX_set_mode(
        context,
        SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
    );
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_read_ahead(context, 1);  // one recv for many small records
    std::array groups{NID_X25519, NID_X9_62_prime256v1, NID_secp384r1};
    if (SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
        SSL_CTX_set1_groups(context, groups.data(), groups.size()) != 1) {
        return tls_error("this OpenSSL lacks the ciphers that TLS needs here");
    }
    return {};
}

}  // namespace

TlsServer::TlsServer(TlsConfig config, Context context)
    : config_(std::move(config)), context_(std::move(context)) {}

Result<TlsServer::Context> TlsServer::load(const TlsConfig& config) {
    ERR_clear_error();
    Context context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    if (context == nullptr) return tls_error("cannot set up TLS");
    PS_CHECK(configure(context.get()));
    PS_CHECK(load_identity(context.get(), config));
    PS_CHECK(load_clients(context.get(), config));
    return context;
}

Result<std::unique_ptr<TlsServer>> TlsServer::open(const TlsConfig& config) {
    PS_TRY(auto context, load(config));
    return std::unique_ptr<TlsServer>(new TlsServer(config, std::move(context)));
}

TlsServer::Context TlsServer::context() const {
    const std::lock_guard lock(mutex_);
    return context_;
}

double TlsServer::certificate_expiry() const {
    const Context context = this->context();
    // Counted from 1970 by OpenSSL itself: neither time zones nor the C library's calendar.
    const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> epoch(
        ASN1_TIME_set(nullptr, 0), ASN1_TIME_free
    );
    int days = 0;
    int seconds = 0;
    const X509* const certificate = SSL_CTX_get0_certificate(context.get());
    ASN1_TIME_diff(&days, &seconds, epoch.get(), X509_get0_notAfter(certificate));
    return (days * 86'400.0) + seconds;
}

Result<Transport> TlsServer::accept(Socket socket) const {
    SSL* const ssl = SSL_new(context().get());
    if (ssl == nullptr || SSL_set_fd(ssl, socket.fd()) != 1) {
        SSL_free(ssl);
        ERR_clear_error();
        return Error{Errc::unavailable, "no memory for a TLS connection"};
    }
    SSL_set_accept_state(ssl);
    return Transport(std::move(socket), ssl);
}

Status TlsServer::reload() {
    PS_TRY(auto context, load(config_));
    const std::lock_guard lock(mutex_);
    context_ = std::move(context);
    return {};
}

}  // namespace penstock::ingest
