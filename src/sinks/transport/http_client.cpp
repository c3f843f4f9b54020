#include "sinks/transport/http_client.h"

#include "sinks/transport/curl_common.h"

#include <curl/curl.h>

#include <algorithm>
#include <map>

namespace penstock::sinks {

namespace {

constexpr std::size_t kHeaderLinesMax = 64;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

std::string_view trimmed(std::string_view text) {
    const std::size_t from = text.find_first_not_of(" \t\r\n");
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

/// One request under way: what the library's callbacks write to.
struct Transfer {
    Transfer() = default;
    ~Transfer() {
        curl_easy_cleanup(handle);
        curl_slist_free_all(header_list);
    }
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    void add_header(const std::string& line) {
        if (curl_slist* longer = curl_slist_append(header_list, line.c_str())) header_list = longer;
    }

    HttpTicket ticket = 0;
    HttpRequest request;
    HttpResponse response;
    std::size_t header_bytes = 0;
    bool cut = false;  // the answer went beyond its bounds
    CURL* handle = nullptr;
    curl_slist* header_list = nullptr;
    char error[CURL_ERROR_SIZE] = {};
};

std::size_t take_body(char* data, std::size_t, std::size_t size, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    std::string& body = transfer.response.body;
    const std::size_t room = transfer.request.answer_max - body.size();
    body.append(data, std::min(size, room));
    transfer.cut |= size > room;
    return transfer.cut ? 0 : size;  // 0 ends the transfer
}

std::size_t take_header(char* data, std::size_t, std::size_t size, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    transfer.header_bytes += size;
    if (transfer.header_bytes > HttpClient::kHeadersMax) {
        transfer.cut = true;
        return 0;
    }
    const std::string_view line(data, size);
    auto& headers = transfer.response.headers;
    if (line.starts_with("HTTP/")) {
        headers.clear();  // an interim answer (1xx) came before this one
        return size;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || headers.size() == kHeaderLinesMax) return size;
    headers.emplace_back(lower(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    return size;
}

void set_limits(CURL* handle, const HttpConfig& config, std::size_t body_bytes) {
    const auto extra = std::chrono::milliseconds(body_bytes * 1000 / HttpClient::kBodyRateMin);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, curl::milliseconds(config.connect_timeout));
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, curl::milliseconds(config.timeout + extra));
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 16L);  // bytes a second, either way
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(config.timeout).count();
    curl_easy_setopt(
        handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(std::max<std::int64_t>(seconds, 1))
    );
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(
        handle, CURLOPT_PROXY, config.proxy.c_str()
    );  // "" also keeps the environment's out
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);  // ending does not wait for a name look-up
}

void set_request(Transfer& transfer) {
    CURL* const handle = transfer.handle;
    const HttpRequest& request = transfer.request;
    curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);  // the bytes that were signed
    if (request.method == "HEAD") {
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    } else if (request.method == "PUT" || request.method == "POST" || !request.body.empty()) {
        curl_easy_setopt(handle, CURLOPT_POST, 1L);
        curl_easy_setopt(
            handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size())
        );
        curl_easy_setopt(
            handle, CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data()
        );
        curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
    }
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    bool content_type = false;
    for (const std::string& line : request.headers) {
        transfer.add_header(line);
        content_type |= lower(line.substr(0, 13)) == "content-type:";
    }
    transfer.add_header("Expect:");
    if (!content_type) transfer.add_header("Content-Type:");
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, transfer.header_list);
}

void set_callbacks(Transfer& transfer) {
    curl_easy_setopt(transfer.handle, CURLOPT_WRITEFUNCTION, &take_body);
    curl_easy_setopt(transfer.handle, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(transfer.handle, CURLOPT_HEADERFUNCTION, &take_header);
    curl_easy_setopt(transfer.handle, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(transfer.handle, CURLOPT_ERRORBUFFER, transfer.error);
}

std::string sentence(const Transfer& transfer, CURLcode code) {
    if (transfer.cut) return "the answer is longer than its bound";
    return transfer.error[0] != '\0' ? transfer.error : curl_easy_strerror(code);
}

Result<HttpResponse> outcome_of(Transfer& transfer, CURLcode code) {
    long status = 0;
    curl_easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
    transfer.response.status = static_cast<int>(status);
    long made = 0;
    curl_easy_getinfo(transfer.handle, CURLINFO_NUM_CONNECTS, &made);
    transfer.response.fresh_connection = made > 0;
    // A far side may refuse a body before it has read all of it, and close: its status is the
    // answer.
    if (code == CURLE_OK || status >= 400) return std::move(transfer.response);
    return Error{transfer.cut ? Errc::too_large : curl::code_of(code), sentence(transfer, code)};
}

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const noexcept {
    for (const auto& [key, value] : headers) {
        if (key == name) return value;
    }
    return {};
}

struct HttpClient::State {
    explicit State(HttpConfig settings) : config(std::move(settings)) { curl::init_library(); }
    ~State() { drop(); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void drop() {
        for (auto& [handle, transfer] : transfers)
            curl_multi_remove_handle(multi, handle);
        transfers.clear();
        lost.clear();
        curl_multi_cleanup(multi);
        multi = nullptr;
    }

    void begin(std::unique_ptr<Transfer> transfer) {
        if (!multi) multi = curl_multi_init();
        transfer->handle = curl_easy_init();
        if (!multi || !transfer->handle) {
            lost.push_back(
                {transfer->ticket, Error{Errc::unavailable, "no memory for a connection"}}
            );
            return;
        }
        set_callbacks(*transfer);
        set_limits(transfer->handle, config, transfer->request.body.size());
        curl::set_tls(transfer->handle, config.tls);
        set_request(*transfer);
        if (curl_multi_add_handle(multi, transfer->handle) != CURLM_OK) {
            lost.push_back({transfer->ticket, Error{Errc::unavailable, "cannot begin a request"}});
            return;
        }
        CURL* const handle = transfer->handle;
        transfers.emplace(handle, std::move(transfer));
    }

    void collect(std::vector<HttpFinished>& out) {
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            CURL* const handle = message->easy_handle;
            const CURLcode code = message->data.result;  // the message dies with the removal
            const auto found = transfers.find(handle);
            curl_multi_remove_handle(multi, handle);
            out.push_back({found->second->ticket, outcome_of(*found->second, code)});
            transfers.erase(found);
        }
    }

    HttpConfig config;
    CURLM* multi = nullptr;
    std::map<CURL*, std::unique_ptr<Transfer>> transfers;
    std::vector<HttpFinished> lost;  // could not even begin
    HttpTicket next = 1;
};

HttpClient::HttpClient(HttpConfig config) : state_(std::make_unique<State>(std::move(config))) {}
HttpClient::~HttpClient() = default;

HttpTicket HttpClient::send(HttpRequest request) {
    auto transfer = std::make_unique<Transfer>();
    transfer->ticket = state_->next++;
    transfer->request = std::move(request);
    const HttpTicket ticket = transfer->ticket;
    state_->begin(std::move(transfer));
    return ticket;
}

std::vector<HttpFinished> HttpClient::poll(Nanoseconds wait) {
    std::vector<HttpFinished> out = std::exchange(state_->lost, {});
    if (state_->transfers.empty()) return out;
    int running = 0;
    curl_multi_perform(state_->multi, &running);
    state_->collect(out);
    if (!out.empty() || wait <= 0) return out;
    curl_multi_poll(state_->multi, nullptr, 0, curl::poll_milliseconds(wait), nullptr);
    curl_multi_perform(state_->multi, &running);
    state_->collect(out);
    return out;
}

std::size_t HttpClient::pending() const noexcept {
    return state_->transfers.size() + state_->lost.size();
}

void HttpClient::cancel_all() {
    state_->drop();
}

Result<HttpResponse> HttpClient::call(HttpRequest request) {
    const HttpTicket ticket = send(std::move(request));
    while (true) {  // ends by the request's own time-out
        for (HttpFinished& finished : poll(kSecond)) {
            if (finished.ticket == ticket) return std::move(finished.outcome);
        }
    }
}

Result<HttpResponse> call_within(HttpConfig config, Nanoseconds bound, HttpRequest request) {
    config.timeout = std::min(config.timeout, Duration(bound));
    config.connect_timeout = std::min(config.connect_timeout, Duration(bound));
    return HttpClient(std::move(config)).call(std::move(request));
}

}  // namespace penstock::sinks
