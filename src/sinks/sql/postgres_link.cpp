#include "sinks/sql/postgres_link.h"

#include "sinks/transport/curl_common.h"
#include "sinks/transport/host_port.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace penstock::sinks {
namespace {

constexpr std::uint16_t kDefaultPort = 5432;
constexpr std::size_t kCopyChunk = std::size_t{64} * 1024;

HostPort address_of(const PostgresServerConfig& config) {
    return HostPort::parse(config.server, kDefaultPort).value_or(HostPort{config.server, 0});
}

std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts)
        out += (out.empty() ? "" : ",") + part;
    return out;
}

PostgresError error_of(const PGresult& result) {
    const auto part = [&result](int field) {
        const char* const text = PQresultErrorField(&result, field);
        return std::string(text == nullptr ? "" : text);
    };
    PostgresError error{part(PG_DIAG_SQLSTATE), part(PG_DIAG_MESSAGE_PRIMARY)};
    if (const std::string context = part(PG_DIAG_CONTEXT); context.starts_with("COPY ")) {
        error.message += "; " + context.substr(0, context.find('\n'));
    }
    if (error.message.empty()) error = connection_error(PQresultErrorMessage(&result));
    return error;
}

/// A server that is told so keeps what it confirms; statements that wait longer than we do end.
std::string greeting_of(const PostgresServerConfig& config) {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    const auto bound = duration_cast<milliseconds>(config.reply_timeout).count();
    return "SET standard_conforming_strings = on; SET client_min_messages = error; "
           "SET statement_timeout = " +
           std::to_string(bound) +
           "; SELECT set_config('synchronous_commit', 'on', false) "
           "WHERE current_setting('synchronous_commit') = 'off'";
}

}  // namespace

PostgresLink::PostgresLink(PostgresServerConfig config, const Clock& clock)
    : config_(std::move(config)),
      clock_(clock),
      lookup_(address_of(config_).bare_host()),
      heard_at_(clock.monotonic()) {}

void PostgresLink::end(SinkFailure why, bool lost) {
    if (failure_) return;
    why.lost_contact = lost;
    failure_ = std::move(why);
}

/// The library has given the connection up.
void PostgresLink::end_broken() {
    if (answer_.error) return end(postgres_failure(*answer_.error), true);
    const PostgresError error = connection_error(PQerrorMessage(connection_.get()));
    SinkFailure failure = postgres_failure(error);
    const bool certificates =
        error.state.empty() && (error.message.find("certificate") != std::string::npos ||
                                error.message.find("SSL is not") != std::string::npos ||
                                error.message.find("not support SSL") != std::string::npos);
    if (certificates) failure.kind = FailureClass::configuration;
    end(std::move(failure), true);
}

void PostgresLink::resolve(Nanoseconds wait) {
    const auto found = lookup_.poll(wait);
    if (!found) return;
    if (!found->ok()) {
        return end({FailureClass::transient, found->error().message, {}, false}, true);
    }
    open(**found);
}

void PostgresLink::open(const std::vector<std::string>& addresses) {
    const HostPort at = address_of(config_);
    const std::string port = std::to_string(at.port);
    const std::string numeric = joined(addresses);
    const std::string names = joined(std::vector(addresses.size(), at.bare_host()));
    std::string password(config_.password.reveal());
    const std::string ca = config_.tls.ca.empty() ? curl::trusted_file() : config_.tls.ca;
    // Everything that a variable of the environment could say otherwise.
    const std::array<std::pair<const char*, const char*>, 16> settings{{
        {"host", names.c_str()},
        {"hostaddr", numeric.c_str()},
        {"port", port.c_str()},
        {"dbname", config_.database.c_str()},
        {"user", config_.user.c_str()},
        {"password", password.c_str()},
        {"passfile", "/dev/null"},
        {"sslmode", config_.use_tls ? "verify-full" : "disable"},
        {"sslrootcert", ca.c_str()},
        {"sslcert", config_.tls.certificate.c_str()},
        {"sslkey", config_.tls.key.c_str()},
        {"ssl_min_protocol_version", "TLSv1.2"},
        {"gssencmode", "disable"},
        {"application_name", "penstock"},
        {"client_encoding", "UTF8"},
        {"target_session_attrs", "read-write"},
    }};
    std::vector<const char*> keys;
    std::vector<const char*> values;
    for (const auto& [key, value] : settings) {
        const std::string_view name = key;
        if (value[0] == '\0' && name != "password") continue;
        keys.push_back(key);
        values.push_back(value);
    }
    keys.push_back(nullptr);
    values.push_back(nullptr);
    connection_.reset(PQconnectStartParams(keys.data(), values.data(), 0));
    wipe(password);
    if (!connection_) {
        return end({FailureClass::transient, "no memory for a connection", {}, false}, false);
    }
    if (PQstatus(connection_.get()) == CONNECTION_BAD) return end_broken();
    PQsetErrorVerbosity(connection_.get(), PQERRORS_VERBOSE);
    PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
    stage_ = Stage::connecting;
}

void PostgresLink::wait_for(bool reading, bool writing, Nanoseconds wait) const {
    if (wait <= 0) return;
    pollfd one{PQsocket(connection_.get()), 0, 0};
    one.events = static_cast<short>((reading ? POLLIN : 0) | (writing ? POLLOUT : 0));
    static_cast<void>(::poll(&one, 1, curl::poll_milliseconds(wait)));
}

void PostgresLink::connect(Nanoseconds wait) {
    wait_for(wanted_ == PGRES_POLLING_READING, wanted_ == PGRES_POLLING_WRITING, wait);
    pollfd one{PQsocket(connection_.get()), 0, 0};
    one.events = wanted_ == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (::poll(&one, 1, 0) > 0) wanted_ = PQconnectPoll(connection_.get());
    if (wanted_ == PGRES_POLLING_FAILED) return end_broken();
    if (wanted_ == PGRES_POLLING_OK) return greet();
}

void PostgresLink::greet() {
    if (PQsetnonblocking(connection_.get(), 1) != 0) return end_broken();
    stage_ = Stage::greeting;
    send(greeting_of(config_));
}

void PostgresLink::send(const std::string& sql) {
    answer_ = {};
    heard_at_ = clock_.monotonic();
    if (PQsendQuery(connection_.get(), sql.c_str()) != 1) end_broken();
    unsent_ = true;
}

void PostgresLink::run(const std::string& sql, std::vector<std::string> copies) {
    copies_ = std::move(copies);
    next_copy_ = 0;
    copying_ = false;
    stage_ = Stage::running;
    send(sql);
}

/// Hands the library as much of the copy under way as it takes.
void PostgresLink::push_copy() {
    const std::string& copy = copies_[next_copy_];
    while (copied_ < copy.size()) {
        const std::size_t size = std::min(kCopyChunk, copy.size() - copied_);
        const int put =
            PQputCopyData(connection_.get(), copy.data() + copied_, static_cast<int>(size));
        if (put < 0) return end_broken();
        if (put == 0 || PQflush(connection_.get()) == 1) unsent_ = true;
        if (put == 0) return;
        heard_at_ = clock_.monotonic();
        copied_ += size;
        if (unsent_) return;
    }
    const int ended = PQputCopyEnd(connection_.get(), nullptr);
    if (ended < 0) return end_broken();
    unsent_ = true;
    if (ended == 0) return;
    copying_ = false;
    ++next_copy_;
}

void PostgresLink::take(const PGresult& result) {
    heard_at_ = clock_.monotonic();
    switch (PQresultStatus(&result)) {
        case PGRES_COPY_IN:
            copied_ = 0;
            copying_ = next_copy_ < copies_.size();
            if (!copying_) PQputCopyEnd(connection_.get(), "nothing to copy");
            return;
        case PGRES_TUPLES_OK:
            answer_.rows.clear();
            for (int row = 0; row < PQntuples(&result); ++row) {
                auto& values = answer_.rows.emplace_back();
                for (int column = 0; column < PQnfields(&result); ++column)
                    values.emplace_back(PQgetvalue(&result, row, column));
            }
            return;
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY:
            return;
        default:
            if (!answer_.error) answer_.error = error_of(result);
    }
}

/// Moves what can be moved now. The answer, once nothing more will come.
std::optional<PostgresAnswer> PostgresLink::move() {
    const int flushed = PQflush(connection_.get());
    if (flushed < 0 || PQconsumeInput(connection_.get()) == 0) {
        // What the server said before it hung up is still to be read.
        while (PGresult* const result = PQgetResult(connection_.get())) {
            const bool copy = PQresultStatus(result) == PGRES_COPY_IN;
            if (!copy) take(*result);
            PQclear(result);
            if (copy) break;
        }
        end_broken();
        return std::nullopt;
    }
    unsent_ = flushed == 1;
    while (!failure_) {
        if (copying_) {
            if (unsent_) return std::nullopt;
            push_copy();
            if (copying_) return std::nullopt;
            unsent_ = PQflush(connection_.get()) == 1;
        }
        if (PQisBusy(connection_.get()) != 0) return std::nullopt;
        PGresult* const result = PQgetResult(connection_.get());
        if (result == nullptr) break;
        take(*result);
        PQclear(result);
    }
    if (PQstatus(connection_.get()) == CONNECTION_BAD) end_broken();
    if (failure_) return std::nullopt;
    return std::exchange(answer_, {});
}

std::optional<PostgresAnswer> PostgresLink::poll(Nanoseconds wait) {
    if (failure_) return std::nullopt;
    if (stage_ == Stage::resolving) resolve(wait);
    if (stage_ == Stage::connecting && !failure_) connect(wait);
    const bool logging_in = stage_ == Stage::resolving || stage_ == Stage::connecting;
    if (logging_in && !failure_ && late(config_.connect_timeout)) {
        end({FailureClass::transient, "the server does not answer", {}, false}, true);
    }
    if (failure_ || logging_in || stage_ == Stage::ready) return std::nullopt;
    auto answer = move();
    if (!answer && !failure_ && wait > 0) {
        wait_for(true, unsent_, wait);
        answer = move();
    }
    if (!answer && !failure_ && late(config_.reply_timeout)) {
        end({FailureClass::transient, "the server does not answer", {}, false}, true);
    }
    if (!answer) return std::nullopt;
    const bool greeted = std::exchange(stage_, Stage::ready) == Stage::greeting;
    if (!greeted) return answer;
    if (answer->error) end(postgres_failure(*answer->error), false);
    return std::nullopt;
}

}  // namespace penstock::sinks
