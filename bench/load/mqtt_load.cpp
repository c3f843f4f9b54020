// MQTT 3.1.1 load: C connections publish pre-computed wearable events, K messages a write, at most
// W unacknowledged a connection (QoS 1), as fast as the server lets them or at a fixed rate. Prints
// one JSON object. Latency is counted from the moment a message was due, not from when it was sent,
// so a slow server is not forgiven. Uses nothing of Penstock: it loads Mosquitto and others alike.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Options {
    int port = 1883;
    int connections = 100;
    int k = 16;       // messages a write
    int window = 64;  // unacknowledged messages a connection (QoS 1)
    int qos = 1;
    int devices = 16'384;
    int payload = 500;  // bytes, about
    long messages = 1'000'000;
    double rate = 0;    // messages a second in all; 0: closed loop
    double warmup = 0;  // seconds whose latencies are dropped
    double idle = 0;    // connect, then do nothing for so many seconds
    std::string topic = "iot/wearable/data";
};

std::int64_t now_ns() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

void fail(const char* what) {
    std::fprintf(stderr, "mqtt_load: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

void put_length(std::string& out, std::size_t n) {
    do {
        auto digit = static_cast<unsigned char>(n % 128);
        n /= 128;
        if (n != 0) digit = static_cast<unsigned char>(digit | 128U);
        out += static_cast<char>(digit);
    } while (n != 0);
}

void put_text(std::string& out, std::string_view text) {
    out += static_cast<char>(text.size() >> 8U);
    out += static_cast<char>(text.size() & 255U);
    out += text;
}

/// A PUBLISH whose packet id is patched in at id_at before each use.
struct Template {
    std::string bytes;
    std::size_t id_at = 0;
};

std::string event(int device, int size) {
    std::string out = R"({"deviceId":"w-)" + std::to_string(device) + R"(","heartRate":)" +
                      std::to_string(60 + device % 80) + R"(,"steps":)" +
                      std::to_string(device * 7 % 20'000) + R"(,"timestamp":)" +
                      std::to_string(1'750'000'000'000LL + device);
    // Readings of a wearable: mostly numbers, as in the field.
    for (int i = 0; static_cast<int>(out.size()) < size - 20; ++i) {
        out += R"(,"s)" + std::to_string(i) + R"(":)" +
               std::to_string((device * 31 + i * 17) % 1000) + "." +
               std::to_string((device + i) % 100);
    }
    return out + "}";
}

std::vector<Template> make_templates(const Options& o) {
    std::vector<Template> out(static_cast<std::size_t>(o.devices));
    for (int d = 0; d < o.devices; ++d) {
        auto& t = out[static_cast<std::size_t>(d)];
        std::string body;
        put_text(body, o.topic);
        const std::size_t id_in_body = body.size();
        if (o.qos != 0) body += std::string(2, '\0');
        body += event(d, o.payload);
        t.bytes += static_cast<char>(0x30 | (o.qos << 1));
        put_length(t.bytes, body.size());
        t.id_at = t.bytes.size() + id_in_body;
        t.bytes += body;
    }
    return out;
}

/// Log-linear histogram of microseconds: 64 buckets an octave, so 1.6 % wide.
class Histogram {
public:
    void add(std::int64_t us) {
        ++counts_[index(std::max<std::int64_t>(us, 0))];
        ++total_;
        max_ = std::max(max_, us);
    }
    [[nodiscard]] std::int64_t quantile(double q) const {
        auto left = static_cast<std::int64_t>(std::ceil(q * static_cast<double>(total_)));
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            left -= counts_[i];
            if (left <= 0) return lower(i);
        }
        return max_;
    }
    [[nodiscard]] std::int64_t max() const { return max_; }

private:
    static std::size_t index(std::int64_t v) {
        if (v < 64) return static_cast<std::size_t>(v);
        const int octave = 63 - __builtin_clzll(static_cast<unsigned long long>(v));
        const auto i = static_cast<std::size_t>((octave - 5) * 64 + ((v >> (octave - 6)) - 64));
        return std::min<std::size_t>(i, 64 * 40 - 1);
    }
    static std::int64_t lower(std::size_t i) {
        if (i < 64) return static_cast<std::int64_t>(i);
        const auto octave = i / 64 + 5;
        return static_cast<std::int64_t>((i % 64 + 64) << (octave - 6));
    }
    std::vector<std::int64_t> counts_ = std::vector<std::int64_t>(64 * 40);
    std::int64_t total_ = 0;
    std::int64_t max_ = 0;
};

struct Connection {
    int fd = -1;
    std::uint16_t next_id = 0;
    std::uint32_t next_device = 0;
    long outstanding = 0;
    std::string unsent;
    std::size_t unsent_at = 0;
    std::string input;
    std::deque<std::int64_t> due;  // of the unacknowledged messages, oldest first
    bool writable = true;
};

class Load {
public:
    explicit Load(const Options& o)
        : o_(o),
          templates_(make_templates(o)),
          connections_(static_cast<std::size_t>(o.connections)) {
        epoll_ = ::epoll_create1(0);
        const auto start = now_ns();
        for (std::size_t i = 0; i < connections_.size(); ++i)
            connect(i);
        connect_seconds_ = static_cast<double>(now_ns() - start) / 1e9;
    }

    void run() {
        if (o_.idle > 0) {
            std::printf(
                "{\"connected\":%zu,\"connect_seconds\":%.3f}\n",
                connections_.size(),
                connect_seconds_
            );
            std::fflush(stdout);
            ::usleep(static_cast<useconds_t>(o_.idle * 1e6));
            return;
        }
        rusage before{};
        ::getrusage(RUSAGE_SELF, &before);
        start_ = now_ns();
        if (o_.rate <= 0) {
            for (std::size_t i = 0; i < connections_.size(); ++i)
                fill(i);
        }
        while (acked_ < o_.messages) {
            if (o_.rate > 0) pace();
            poll();
        }
        const double seconds = static_cast<double>(now_ns() - start_) / 1e9;
        rusage after{};
        ::getrusage(RUSAGE_SELF, &after);
        const auto cpu = [](const rusage& u) {
            return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                   static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
        };
        std::printf(
            "{\"sent\":%ld,\"acked\":%ld,\"seconds\":%.3f,\"per_second\":%.0f,\"generator_us\":%."
            "3f,"
            "\"connect_seconds\":%.3f,\"p50_us\":%ld,\"p90_us\":%ld,\"p99_us\":%ld,\"p999_us\":%ld,"
            "\"max_us\":%ld}\n",
            sent_,
            acked_,
            seconds,
            static_cast<double>(acked_) / seconds,
            (cpu(after) - cpu(before)) * 1e6 / static_cast<double>(acked_),
            connect_seconds_,
            latency_.quantile(0.5),
            latency_.quantile(0.9),
            latency_.quantile(0.99),
            latency_.quantile(0.999),
            latency_.max()
        );
    }

private:
    void connect(std::size_t i) {
        auto& c = connections_[i];
        c.fd = ::socket(AF_INET, SOCK_STREAM, 0);
        // Several source addresses: one has only some 28,000 ports.
        sockaddr_in from{};
        from.sin_family = AF_INET;
        from.sin_addr.s_addr = htonl(0x7f000001U + static_cast<std::uint32_t>(i / 20'000));
        if (::bind(c.fd, reinterpret_cast<sockaddr*>(&from), sizeof from) != 0) fail("bind");
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<std::uint16_t>(o_.port));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(c.fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fail("connect");
        const int one = 1;
        ::setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        std::string body;
        put_text(body, "MQTT");
        body += std::string("\x04\x02\x00\x00", 4);  // 3.1.1, clean session, no keep alive
        put_text(body, "load-" + std::to_string(::getpid()) + "-" + std::to_string(i));
        std::string packet(1, '\x10');
        put_length(packet, body.size());
        packet += body;
        if (::send(c.fd, packet.data(), packet.size(), 0) != static_cast<ssize_t>(packet.size()))
            fail("send CONNECT");
        char answer[4];
        if (::recv(c.fd, answer, 4, MSG_WAITALL) != 4 || answer[0] != '\x20' || answer[3] != 0)
            fail("CONNACK");
        ::fcntl(c.fd, F_SETFL, O_NONBLOCK);
        epoll_event e{};
        e.events = EPOLLIN;
        e.data.u64 = i;
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &e);
        c.next_device = static_cast<std::uint32_t>(i * templates_.size() / connections_.size());
    }

    void append(Connection& c, std::int64_t due) {
        const auto& t = templates_[c.next_device];
        c.next_device = (c.next_device + 1) % static_cast<std::uint32_t>(templates_.size());
        const auto at = c.unsent.size();
        c.unsent += t.bytes;
        if (o_.qos != 0) {
            c.next_id = static_cast<std::uint16_t>(c.next_id == 65'535 ? 1 : c.next_id + 1);
            c.unsent[at + t.id_at] = static_cast<char>(c.next_id >> 8U);
            c.unsent[at + t.id_at + 1] = static_cast<char>(c.next_id & 255U);
            c.due.push_back(due);
            ++c.outstanding;
        } else {
            ++acked_;
        }
        ++sent_;
    }

    /// Closed loop: whole groups of K as long as the window has room for one.
    void fill(std::size_t i) {
        auto& c = connections_[i];
        while (c.writable && c.outstanding + o_.k <= o_.window && sent_ < o_.messages) {
            const auto now = now_ns();
            for (int n = 0; n < o_.k && sent_ < o_.messages; ++n)
                append(c, now);
            flush(i);
        }
    }

    /// Open loop: what is due by now, round robin over the connections.
    void pace() {
        const auto now = now_ns();
        const auto due = std::min(
            o_.messages, static_cast<long>(static_cast<double>(now - start_) / 1e9 * o_.rate)
        );
        while (sent_ < due) {
            const auto at =
                start_ + static_cast<std::int64_t>(static_cast<double>(sent_) / o_.rate * 1e9);
            auto& c = connections_[turn_];
            for (int n = 0; n < o_.k && sent_ < due; ++n)
                append(c, at);
            flush(turn_);
            turn_ = (turn_ + 1) % connections_.size();
        }
    }

    void flush(std::size_t i) {
        auto& c = connections_[i];
        while (c.unsent_at < c.unsent.size()) {
            const auto n = ::send(
                c.fd, c.unsent.data() + c.unsent_at, c.unsent.size() - c.unsent_at, MSG_NOSIGNAL
            );
            if (n < 0) {
                if (errno != EAGAIN) fail("send");
                watch(i, EPOLLIN | EPOLLOUT);
                c.writable = false;
                return;
            }
            c.unsent_at += static_cast<std::size_t>(n);
        }
        c.unsent.clear();
        c.unsent_at = 0;
    }

    void watch(std::size_t i, std::uint32_t events) {
        epoll_event e{};
        e.events = events;
        e.data.u64 = i;
        ::epoll_ctl(epoll_, EPOLL_CTL_MOD, connections_[i].fd, &e);
    }

    void poll() {
        epoll_event events[256];
        const int n = ::epoll_wait(epoll_, events, 256, o_.rate > 0 ? 1 : 1000);
        for (int j = 0; j < n; ++j) {
            const std::size_t i = events[j].data.u64;
            if ((events[j].events & EPOLLOUT) != 0) {
                connections_[i].writable = true;
                watch(i, EPOLLIN);
                flush(i);
            }
            if ((events[j].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read(i);
            if (o_.rate <= 0) fill(i);
        }
    }

    void read(std::size_t i) {
        auto& c = connections_[i];
        char buffer[65536];
        const auto n = ::recv(c.fd, buffer, sizeof buffer, 0);
        if (n == 0) {
            errno = ECONNRESET;
            fail("closed by the server");
        }
        if (n < 0) {
            if (errno == EAGAIN) return;
            fail("recv");
        }
        c.input.append(buffer, static_cast<std::size_t>(n));
        const auto now = now_ns();
        std::size_t at = 0;
        while (c.input.size() - at >= 4) {  // a PUBACK of 3.1.1 has four bytes
            if (static_cast<unsigned char>(c.input[at]) != 0x40) {
                errno = EPROTO;
                fail("not a PUBACK");
            }
            at += 4;
            ++acked_;
            --c.outstanding;
            if (static_cast<double>(c.due.front() - start_) / 1e9 >= o_.warmup)
                latency_.add((now - c.due.front()) / 1000);
            c.due.pop_front();
        }
        c.input.erase(0, at);
    }

    Options o_;
    std::vector<Template> templates_;
    std::vector<Connection> connections_;
    int epoll_ = -1;
    std::size_t turn_ = 0;
    long sent_ = 0;
    long acked_ = 0;
    std::int64_t start_ = 0;
    double connect_seconds_ = 0;
    Histogram latency_;
};

template <class T>
void number(std::string_view text, T& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size()) {
        std::fprintf(
            stderr, "mqtt_load: '%.*s' is no number\n", static_cast<int>(text.size()), text.data()
        );
        std::exit(2);
    }
}

}  // namespace

int main(int argc, char** argv) {
    Options o;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view key = argv[i];
        const std::string_view value = argv[i + 1];
        if (key == "--port")
            number(value, o.port);
        else if (key == "--connections")
            number(value, o.connections);
        else if (key == "--k")
            number(value, o.k);
        else if (key == "--window")
            number(value, o.window);
        else if (key == "--qos")
            number(value, o.qos);
        else if (key == "--devices")
            number(value, o.devices);
        else if (key == "--payload")
            number(value, o.payload);
        else if (key == "--messages")
            number(value, o.messages);
        else if (key == "--rate")
            number(value, o.rate);
        else if (key == "--warmup")
            number(value, o.warmup);
        else if (key == "--idle")
            number(value, o.idle);
        else if (key == "--topic")
            o.topic = value;
        else {
            std::fprintf(stderr, "mqtt_load: unknown option %s\n", argv[i]);
            return 2;
        }
    }
    Load(o).run();
    return 0;
}
