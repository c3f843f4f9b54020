#include "config/secret.h"

#include "base/files.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <utility>

namespace penstock {

/// Pages of their own, kept out of core dumps and, where the limit allows, out of swap.
class Secret::Buffer {
public:
    explicit Buffer(std::string_view text) : size_(text.size()) {
        const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        mapped_ = (size_ + page - 1) / page * page;
        void* memory =
            ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        data_ = static_cast<char*>(memory);
        // Both are extra care: a refusal (limits, old kernels) leaves a working secret.
        static_cast<void>(::madvise(memory, mapped_, MADV_DONTDUMP));
        static_cast<void>(::mlock(memory, mapped_));
        std::memcpy(data_, text.data(), size_);
    }
    ~Buffer() {
        wipe(data_, mapped_);
        ::munmap(data_, mapped_);
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    [[nodiscard]] std::string_view view() const noexcept { return {data_, size_}; }

private:
    char* data_ = nullptr;
    std::size_t size_;
    std::size_t mapped_ = 0;
};

Secret::Secret(std::string&& text) {
    std::string taken = std::move(text);
    if (!taken.empty()) buffer_ = std::make_shared<const Buffer>(taken);
    wipe(taken);
    wipe(text);  // short strings keep their bytes when moved from
}

std::size_t Secret::size() const noexcept {
    return reveal().size();
}

std::string_view Secret::reveal() const noexcept {
    return buffer_ ? buffer_->view() : std::string_view{};
}

bool Secret::equals(const Secret& other) const noexcept {
    const std::string_view a = reveal();
    const std::string_view b = other.reveal();
    if (a.size() != b.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference |= static_cast<unsigned char>(a[i]) ^
                      static_cast<unsigned>(static_cast<unsigned char>(b[i]));
    }
    return difference == 0;
}

void wipe(void* data, std::size_t size) noexcept {
    if (size > 0) ::explicit_bzero(data, size);
}

void wipe(std::string& text) noexcept {
    // What a longer content left behind the end is part of the string's memory too.
    // NOLINTNEXTLINE(clang-analyzer-cplusplus.Move): moved-from strings are wiped on purpose.
    text.resize(text.capacity());
    wipe(text.data(), text.size());
    text.clear();
}

}  // namespace penstock

namespace penstock::config {

namespace {

constexpr std::size_t kSecretBytesMax = 64 * 1024;

std::optional<std::string> after(std::string_view text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return std::nullopt;
    return std::string(text.substr(prefix.size()));
}

Result<Secret> from_file(const std::filesystem::path& path) {
    auto content = files::read(path, kSecretBytesMax);
    if (!content.ok()) return std::move(content).error();
    std::string text = std::move(content).value();
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    if (text.empty()) return Error{Errc::invalid_argument, path.string() + " is empty"};
    return Secret(std::move(text));
}

Result<Secret> from_environment(const std::string& name, const Environment& environment) {
    auto value = environment(name);
    if (!value) return Error{Errc::not_found, "the environment has no variable " + name};
    if (value->empty()) return Error{Errc::invalid_argument, "the variable " + name + " is empty"};
    return Secret(std::move(*value));
}

Result<Secret> from_credential(const std::string& name, const Environment& environment) {
    if (name.empty() || name.find('/') != std::string::npos || name == "..") {
        return Error{Errc::invalid_argument, "the name of a credential holds no '/'"};
    }
    const auto folder = environment("CREDENTIALS_DIRECTORY");
    if (!folder) return Error{Errc::not_found, "the service manager passed no credentials"};
    return from_file(std::filesystem::path(*folder) / name);
}

}  // namespace

Environment process_environment() {
    return [](std::string_view name) -> std::optional<std::string> {
        const char* value =
            std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe)
        if (!value) return std::nullopt;
        return value;
    };
}

Result<Secret> resolve_secret(std::string_view reference, const Environment& environment) {
    if (const auto path = after(reference, "file:")) return from_file(*path);
    if (const auto name = after(reference, "env:")) return from_environment(*name, environment);
    if (const auto name = after(reference, "credential:"))
        return from_credential(*name, environment);
    if (auto text = after(reference, "text:")) return Secret(std::move(*text));
    return Secret(std::string(reference));
}

}  // namespace penstock::config
