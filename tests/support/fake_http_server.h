#pragma once

#include "penstock/clock.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::test {

/// A request as it came.
struct FakeHttpRequest {
    std::string method;
    std::string target;                          // path and query
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;

    [[nodiscard]] std::string path() const { return target.substr(0, target.find('?')); }
};

/// What the server does about a request.
struct FakeHttpReply {
    enum class Manner : std::uint8_t {
        answer,           // as it stands below
        reset,            // breaks the connection without an answer
        hang,             // never answers
        drip,             // status line and headers, then one byte of body a second
        endless_body,     // a body without end
        endless_headers,  // header lines without end
    };
    int status = 204;
    std::vector<std::string> headers;  // "Name: value"
    std::string body;
    Manner manner = Manner::answer;
};

/// An HTTP/1.1 server on 127.0.0.1 whose answers a test decides, for the faults that real servers
/// do not do on request. The handler runs on the connections' threads, one call at a time. Threads:
/// owner, but for the handler.
class FakeHttpServer {
public:
    using Handler = std::function<FakeHttpReply(const FakeHttpRequest&)>;

    explicit FakeHttpServer(Handler handler);
    ~FakeHttpServer();
    FakeHttpServer(const FakeHttpServer&) = delete;
    FakeHttpServer& operator=(const FakeHttpServer&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept;
    /// `http://127.0.0.1:port`
    [[nodiscard]] std::string endpoint() const;

    /// From now on connections are refused, and those that stand are broken; until come_back().
    void go_away();
    void come_back();

    /// How many connections were taken.
    [[nodiscard]] int connections() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace penstock::test
