#include "sinks/archive/parquet/readers.h"

#include "support/shell.h"
#include "support/source_tree.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>

namespace penstock::test {

namespace {

std::string script() {
    return (source_tree() / "tests/sinks/archive/parquet/readers.py").string();
}

}  // namespace

ParquetReaders* ParquetReaders::shared() {
    static std::unique_ptr<ParquetReaders> readers;
    if (readers) return readers.get();
    if (std::getenv("PENSTOCK_NO_PARQUET") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
        WARN("skipped: pyarrow and DuckDB are not to be had");
        return nullptr;
    }
    const ShellOutput fetched =
        shell("'" + (source_tree() / "tests/servers/parquet.sh").string() + "' fetch");
    REQUIRE(fetched.status == 0);
    readers.reset(new ParquetReaders(fetched.text.substr(0, fetched.text.find('\n'))));
    return readers.get();
}

ParquetReaders::ParquetReaders(std::string library) : library_(std::move(library)) {}

ParquetReaders::~ParquetReaders() {
    if (to_ >= 0) ::close(to_);
    if (from_ >= 0) ::close(from_);
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
}

void ParquetReaders::start() {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
    const std::string command =
        "PYTHONPATH='" + library_ + "' exec python3 -B '" + script() + "' serve";
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
        ::dup2(in[0], STDIN_FILENO);
        ::dup2(out[1], STDOUT_FILENO);
        ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
        ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    to_ = in[1];
    from_ = out[0];
}

std::string ParquetReaders::line() {
    std::size_t end = 0;
    while ((end = buffer_.find('\n')) == std::string::npos) {
        std::array<char, 65536> bytes{};
        const ssize_t n = ::read(from_, bytes.data(), bytes.size());
        if (n <= 0) FAIL("pyarrow could not read the file");
        buffer_.append(bytes.data(), static_cast<std::size_t>(n));
    }
    std::string text = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    return text;
}

const std::vector<std::string>& ParquetReaders::rows(std::string_view file) {
    const auto [place, fresh] = known_.try_emplace(std::string(file));
    if (!fresh) return place->second;
    if (pid_ < 0) start();
    const TempDir dir;
    const std::string path = (dir / "one.parquet").string();
    std::ofstream(path, std::ios::binary) << file;
    const std::string command = path + '\n';
    REQUIRE(::write(to_, command.data(), command.size()) == static_cast<ssize_t>(command.size()));
    for (std::string row = line(); !row.empty(); row = line())
        place->second.push_back(std::move(row));
    return place->second;
}

std::string ParquetReaders::check(const std::filesystem::path& folder) {
    const ShellOutput out = shell(
        "PYTHONPATH='" + library_ + "' python3 -B '" + script() + "' check '" + folder.string() +
        "' 2>&1"
    );
    INFO(out.text);
    REQUIRE(out.status == 0);
    return out.text;
}

}  // namespace penstock::test
