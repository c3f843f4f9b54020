#pragma once

#include "penstock/clock.h"
#include "penstock/result.h"
#include "sinks/transport/http_client.h"

#include <curl/curl.h>

#include <string>

/// What every use of libcurl shares.
namespace penstock::sinks::curl {

/// The library's global state, made before the first handle and left to the end of the process.
void init_library();

/// For time-outs: at least 1.
[[nodiscard]] long milliseconds(Duration span);
/// For waits: at least 1, at most an hour.
[[nodiscard]] int poll_milliseconds(Nanoseconds wait);

void set_tls(CURL* handle, const TlsConfig& tls);
/// The file of the certificates that the system trusts, for other libraries; empty: unknown.
[[nodiscard]] std::string trusted_file();

[[nodiscard]] Errc code_of(CURLcode code);

}  // namespace penstock::sinks::curl
