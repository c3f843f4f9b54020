#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The Redis serialization protocol, version 2. Source: redis.io, "Redis serialization protocol
/// specification".
namespace penstock::sinks {

/// Appends a command: `*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`.
void append_resp(std::initializer_list<std::string_view> words, std::string& out);
/// The same piece by piece: `count` words follow.
void begin_resp(std::size_t count, std::string& out);
void append_resp_word(std::string_view word, std::string& out);

/// One reply.
struct RespReply {
    enum class Kind : std::uint8_t { text, error, integer, null, array };
    Kind kind = Kind::null;
    std::string text;  // of texts, simple or bulk, and errors
    std::int64_t number = 0;
    std::vector<RespReply> items;

    [[nodiscard]] bool failed() const noexcept { return kind == Kind::error; }
};

/// Cuts a stream of bytes into replies.
/// Bounds: a text of kTextMax, kItemsMax items, kDepthMax arrays inside each other; beyond,
/// broken(). Threads: owner.
class RespReader {
public:
    static constexpr std::size_t kTextMax = std::size_t{1} << 20U;
    static constexpr std::size_t kItemsMax = 100'000;
    static constexpr int kDepthMax = 4;

    /// Where received bytes are appended.
    [[nodiscard]] std::string& buffer() noexcept { return bytes_; }
    /// The next whole reply; nothing when it has not come yet, or the bytes are broken.
    [[nodiscard]] std::optional<RespReply> next();
    [[nodiscard]] bool broken() const noexcept { return broken_; }

private:
    [[nodiscard]] std::optional<std::string_view> line(std::size_t& at) const;
    [[nodiscard]] std::optional<RespReply> parse(std::size_t& at, int depth);
    [[nodiscard]] std::optional<RespReply> bulk(std::size_t& at, std::int64_t size);
    [[nodiscard]] std::optional<RespReply> array(std::size_t& at, std::int64_t size, int depth);

    std::string bytes_;
    std::size_t begin_ = 0;
    bool broken_ = false;
};

}  // namespace penstock::sinks
