#include "message.h"

#include <algorithm>

namespace load {
namespace {

struct Event {
    std::string text;
    Message::Stamp at;
};

/// A wearable's event: 26 values in about 500 bytes, mostly numbers, as in the field; what is asked
/// for beyond is more readings.
Event make_event(int device, int size) {
    constexpr const char* kReadings[] = {
        "spo2",
        "skinTemp",
        "respRate",
        "hrv",
        "stress",
        "calories",
        "distance",
        "floors",
        "accelX",
        "accelY",
        "accelZ",
        "gyroX",
        "gyroY",
        "lat",
        "lon",
        "altitude",
    };
    const auto decimal = [device](long i) {
        return std::to_string((device * 31L + i * 17L) % 1000) + "." +
               std::to_string(100 + (device * 7L + i * 13L) % 900);
    };
    Event out;
    std::string& text = out.text;
    text = R"({"deviceId":"w-)" + std::to_string(100'000 + device) + R"(","heartRate":)" +
           std::to_string(60 + device % 80) + R"(,"steps":)" +
           std::to_string(device * 7L % 20'000) + R"(,"timestamp":)";
    out.at.time = static_cast<std::uint32_t>(text.size());
    text += std::to_string(1'750'000'000'000L + device) + R"(,"n":)";
    out.at.number = static_cast<std::uint32_t>(text.size());
    text += std::to_string(kFirstNumber) + R"(,"sent":)";
    out.at.sent = static_cast<std::uint32_t>(text.size());
    text += "1750000000000000";
    text += R"(,"battery":)" + std::to_string(device % 100) + R"(,"charging":)" +
            (device % 5 == 0 ? "true" : "false") + R"(,"wristOn":true,"activity":"walking")";
    long i = 0;
    for (const char* name : kReadings)
        text += std::string(",\"") + name + "\":" + decimal(i++);
    for (; static_cast<int>(text.size()) < size - 12; ++i)
        text += ",\"s" + std::to_string(i) + "\":" + decimal(i);
    text += "}";
    return out;
}

void add_event(Message& message, std::string& body, std::size_t before, const Event& event) {
    const auto base = static_cast<std::uint32_t>(before + body.size());
    message.events.push_back({base + event.at.number, base + event.at.sent, base + event.at.time});
    body += event.text;
}

Message publish(const Options& o, int device) {
    Message out;
    const Event event = make_event(device, o.payload);
    std::string body;
    append_text(body, o.topic);
    const std::size_t id_in_body = body.size();
    if (o.qos != 0) body += std::string(2, '\0');
    out.bytes += static_cast<char>(0x30 | (o.qos << 1));
    append_length(out.bytes, body.size() + event.text.size());
    out.packet_id = static_cast<std::uint32_t>(out.bytes.size() + id_in_body);
    add_event(out, body, out.bytes.size(), event);
    out.bytes += body;
    return out;
}

Message request(const Options& o, int first, int count) {
    Message out;
    std::vector<Event> events;
    std::size_t size = o.batch > 1 ? 1 + static_cast<std::size_t>(count) : 0;
    for (int i = 0; i < count; ++i) {
        events.push_back(make_event(first + i, o.payload));
        size += events.back().text.size();
    }
    out.bytes = "POST " + o.path +
                " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                "Content-Length: " +
                std::to_string(size) + "\r\n\r\n";
    std::string body;
    if (o.batch > 1) body += '[';
    for (int i = 0; i < count; ++i) {
        if (i != 0) body += ',';
        add_event(out, body, out.bytes.size(), events[static_cast<std::size_t>(i)]);
    }
    if (o.batch > 1) body += ']';
    out.bytes += body;
    return out;
}

void put_digits(char* end, std::int64_t value, int width) {
    for (int i = 0; i < width; ++i, value /= 10)
        *--end = static_cast<char>('0' + value % 10);
}

}  // namespace

void append_length(std::string& out, std::size_t n) {
    do {
        auto digit = static_cast<unsigned char>(n % 128);
        n /= 128;
        if (n != 0) digit = static_cast<unsigned char>(digit | 128U);
        out += static_cast<char>(digit);
    } while (n != 0);
}

void append_text(std::string& out, std::string_view text) {
    out += static_cast<char>(text.size() >> 8U);
    out += static_cast<char>(text.size() & 255U);
    out += text;
}

std::vector<Message> make_messages(const Options& options) {
    std::vector<Message> out;
    const int step = options.protocol == "http" ? options.batch : 1;
    for (int device = 0; device < options.devices; device += step) {
        out.push_back(
            options.protocol == "http"
                ? request(options, device, std::min(step, options.devices - device))
                : publish(options, device)
        );
    }
    return out;
}

void stamp(char* bytes, const Message& message, std::int64_t number, std::int64_t sent_us) {
    for (const auto& at : message.events) {
        put_digits(bytes + at.number + 10, kFirstNumber + number++, 10);
        put_digits(bytes + at.sent + 16, sent_us, 16);
        put_digits(bytes + at.time + 13, sent_us / 1000, 13);
    }
}

}  // namespace load
