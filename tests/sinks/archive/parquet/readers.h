#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::test {

/// Parquet readers that are not ours (readers.py). Threads: the test's.
class ParquetReaders {
public:
    /// One program for all cases. Null, with a note, where the readers are not installed
    /// (tests/servers/parquet.sh fetch).
    [[nodiscard]] static ParquetReaders* shared();

    ~ParquetReaders();
    ParquetReaders(const ParquetReaders&) = delete;
    ParquetReaders& operator=(const ParquetReaders&) = delete;

    /// The rows of a file as pyarrow reads them: a JSON object each, nulls left out, times in
    /// microseconds since 1970, bytes in hexadecimal digits. Fails the case where it cannot read.
    [[nodiscard]] const std::vector<std::string>& rows(std::string_view file);

    /// What `readers.py check FOLDER` says; fails the case unless it is content.
    [[nodiscard]] std::string check(const std::filesystem::path& folder);

private:
    explicit ParquetReaders(std::string library);
    void start();
    [[nodiscard]] std::string line();

    std::string library_;
    int to_ = -1;
    int from_ = -1;
    int pid_ = -1;
    std::string buffer_;
    std::map<std::string, std::vector<std::string>> known_;  // by the file's bytes
};

}  // namespace penstock::test
