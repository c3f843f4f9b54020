#include "sinks/file/file_sink.h"

#include "base/posix_disk.h"
#include "sinks/archive/archived.h"
#include "sinks/contract/contract.h"
#include "support/fake_clock.h"
#include "support/fake_disk.h"
#include "support/record_builder.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace penstock::sinks {
namespace {

using contract::Arrival;
using contract::Fault;
using test::FakeClock;
using test::FakeDisk;
using test::RecordBuilder;

FileConfig lines_at(const std::filesystem::path& path) {
    FileConfig config;
    config.path = path;
    return config;
}

std::unique_ptr<Sink> made(
    const FileConfig& config, const JournalId& journal, Disk& disk, const Clock& clock
) {
    SinkContext context;
    context.id = "lines";
    context.journal = journal;
    context.clock = &clock;
    return std::move(make_file_sink(config, context, disk)).value();
}

std::vector<Arrival> arrivals_of(std::string_view text) {
    std::vector<Arrival> all;
    for (const std::string& line : test::lines_of(text))
        all.push_back(test::arrival_of(line));
    return all;
}

/// A disk that lets nobody open a file while it is shut.
class Door final : public Disk {
public:
    explicit Door(Disk& behind) : behind_(behind) {}
    std::optional<Errc> shut;

    [[nodiscard]] Result<DiskFilePtr> open(const Path& path, OpenMode mode) override {
        if (shut) return Error{*shut, "cannot open " + path.string()};
        return behind_.open(path, mode);
    }
    [[nodiscard]] Status rename(const Path& from, const Path& to) override {
        return behind_.rename(from, to);
    }
    [[nodiscard]] Status remove(const Path& path) override { return behind_.remove(path); }
    [[nodiscard]] Status sync_directory(const Path& path) override {
        return behind_.sync_directory(path);
    }
    [[nodiscard]] Status make_directory(const Path& path) override {
        return behind_.make_directory(path);
    }
    [[nodiscard]] Result<std::vector<DiskEntry>> list(const Path& path) override {
        return behind_.list(path);
    }
    [[nodiscard]] Result<DiskSpace> space(const Path& path) override { return behind_.space(path); }
    [[nodiscard]] Result<std::unique_ptr<DiskLock>> lock(const Path& path) override {
        return behind_.lock(path);
    }
    [[nodiscard]] Result<std::unique_ptr<WriteQueue>> write_queue(std::size_t depth) override {
        return behind_.write_queue(depth);
    }

private:
    Disk& behind_;
};

/// A disk with faults.
class FaultyDisk final : public contract::FarSide {
public:
    FaultyDisk() {
        REQUIRE(disk_.make_directory("/lines").ok());
        REQUIRE(disk_.sync_directory("/").ok());
    }
    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        return made(lines_at("/lines/all.ndjson"), journal, door_, system_clock());
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        if (!disk_.exists("/lines/all.ndjson")) return {};
        const auto bytes = disk_.contents("/lines/all.ndjson");
        std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        text.resize(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
        return arrivals_of(text);
    }
    [[nodiscard]] std::string lacks(Fault fault) const override {
        return fault == Fault::hang ? "a write to a disk is waited for, as the journal's are" : "";
    }
    void set(Fault fault) override {
        disk_.heal();
        disk_.set_capacity(std::uint64_t{1} << 40U);
        door_.shut.reset();
        if (fault == Fault::unreachable) door_.shut = Errc::not_found;
        if (fault == Fault::denied) door_.shut = Errc::denied;
        if (fault == Fault::throttled) disk_.set_capacity(disk_.used() + 100);
        if (fault == Fault::half_accepted) disk_.fail(FakeDisk::Call::write, 1);
        if (fault == Fault::reset_after_write) disk_.fail(FakeDisk::Call::sync, 1);
        if (fault == Fault::crash) disk_.cut(FakeDisk::Cut::random);
    }
    [[nodiscard]] std::string lacks_refusal() const override {
        return "every record makes a line; raw ones with line breaks have a case of their own";
    }
    [[nodiscard]] std::string lacks_size_bound() const override {
        return "a line may be as long as a record";
    }

private:
    FakeDisk disk_;
    Door door_{disk_};
};

/// A file of this machine.
class RealFile final : public contract::FarSide {
public:
    [[nodiscard]] std::unique_ptr<Sink> make_sink(const JournalId& journal) override {
        return made(lines_at(dir_ / "all.ndjson"), journal, posix_disk(), system_clock());
    }
    [[nodiscard]] std::vector<Arrival> arrived() override {
        std::ifstream file(dir_ / "all.ndjson");
        return arrivals_of(std::string(std::istreambuf_iterator<char>(file), {}));
    }
    [[nodiscard]] std::string lacks(Fault fault) const override {
        const bool can = fault == Fault::none || fault == Fault::unreachable;
        return can ? "" : "this machine's disk does not fail on demand; the one in memory shows it";
    }
    void set(Fault fault) override {
        const auto away = std::filesystem::path(dir_.path().string() + ".away");
        const bool gone = std::filesystem::exists(away);
        if (fault == Fault::unreachable && !gone) std::filesystem::rename(dir_.path(), away);
        if (fault == Fault::none && gone) std::filesystem::rename(away, dir_.path());
    }
    [[nodiscard]] std::string lacks_refusal() const override {
        return "every record makes a line; raw ones with line breaks have a case of their own";
    }
    [[nodiscard]] std::string lacks_size_bound() const override {
        return "a line may be as long as a record";
    }

private:
    test::TempDir dir_;
};

PS_SINK_CONTRACT("file, disk in memory", "[sinks][file]", [] {
    return std::make_unique<FaultyDisk>();
})
PS_SINK_CONTRACT("file, real disk", "[sinks][file][server]", [] {
    return std::make_unique<RealFile>();
})

/// A sink by hand on a disk in memory.
struct Bench {
    Bench() {
        REQUIRE(disk.make_directory("/lines").ok());
        REQUIRE(disk.sync_directory("/").ok());
    }

    Sink& sink() {
        if (!sink_) {
            sink_ = made(config, {}, disk, clock);
            sink_->reset({});
        }
        return *sink_;
    }
    void restart(Lsn safe) {
        sink_.reset();
        sink().reset(safe);
    }
    void put(std::uint64_t lsn, const std::string& payload) {
        RecordBuilder record;
        record.payload(payload);
        REQUIRE(sink().put({lsn}, record.view()));
    }
    [[nodiscard]] std::string text() const {
        const auto bytes = disk.contents("/lines/all");
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    void set_text(std::string_view text) {
        const auto bytes = std::as_bytes(std::span(text));
        disk.put("/lines/all", {bytes.begin(), bytes.end()});
    }

    FakeDisk disk;
    FakeClock clock;
    FileConfig config = [] {
        FileConfig made = lines_at("/lines/all");
        made.output.format = OutputForm::raw;
        return made;
    }();

private:
    std::unique_ptr<Sink> sink_;
};

TEST_CASE("file: a line a record, in order, behind what is there", "[sinks][file]") {
    Bench bench;
    bench.set_text("old\n");
    bench.put(1, "{\"a\":1}");
    bench.put(2, "{\"a\":2}");
    CHECK(bench.text() == "old\n");
    CHECK(bench.sink().poll(0).safe == Lsn{2});
    bench.sink().skip({3});
    bench.put(4, "{}");
    const SinkProgress progress = bench.sink().poll(0);
    CHECK(progress.safe == Lsn{4});
    CHECK(progress.sent_records == 1);
    CHECK(progress.sent_bytes == 3);
    CHECK(bench.text() == "old\n{\"a\":1}\n{\"a\":2}\n{}\n");
}

TEST_CASE("file: a line that a crash tore is cut off, whatever its length", "[sinks][file]") {
    const std::size_t torn = GENERATE(as<std::size_t>{}, 0, 1, 4095, 4096, 4097, 20'000);
    const std::string before = GENERATE(as<std::string>{}, "", "whole\n");
    Bench bench;
    bench.set_text(before + std::string(torn, 'x'));
    bench.put(1, "new");
    CHECK(bench.sink().poll(0).safe == Lsn{1});
    CHECK(bench.text() == before + "new\n");
}

TEST_CASE("file: a payload with line breaks is refused, its neighbours are kept", "[sinks][file]") {
    Bench bench;
    bench.put(1, "{}");
    bench.put(2, "{\n}");
    bench.put(3, "{}");
    const SinkProgress progress = bench.sink().poll(0);
    CHECK(progress.safe == Lsn{3});
    REQUIRE(progress.refused.size() == 1);
    CHECK(progress.refused[0].lsn == Lsn{2});
    CHECK(bench.text() == "{}\n{}\n");
}

TEST_CASE("file: a file that was renamed is begun anew", "[sinks][file]") {
    Bench bench;
    bench.put(1, "one");
    REQUIRE(bench.sink().poll(0).safe == Lsn{1});
    REQUIRE(bench.disk.rename("/lines/all", "/lines/all.1").ok());
    bench.clock.advance(kSecond);
    bench.put(2, "two");
    REQUIRE(bench.sink().poll(0).safe == Lsn{2});
    CHECK(bench.text() == "two\n");
}

TEST_CASE("file: nothing is safe before it is synced", "[sinks][file][S13]") {
    Bench bench;
    bench.put(1, "one");
    REQUIRE(bench.sink().poll(0).safe == Lsn{1});
    bench.disk.fail(FakeDisk::Call::sync, 1);
    bench.put(2, "two");
    const SinkProgress progress = bench.sink().poll(0);
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::transient);
    CHECK(progress.safe == Lsn{1});
    bench.disk.cut(FakeDisk::Cut::drop);
    bench.restart({1});
    bench.put(2, "two");
    CHECK(bench.sink().poll(0).safe == Lsn{2});
    CHECK(bench.text() == "one\ntwo\n");
}

TEST_CASE("file: a folder that is missing is a matter of the settings", "[sinks][file]") {
    const test::TempDir dir;
    const auto sink = made(lines_at(dir / "missing" / "all"), {}, posix_disk(), system_clock());
    sink->reset({});
    RecordBuilder record;
    REQUIRE(sink->put({1}, record.view()));
    const SinkProgress progress = sink->poll(0);
    REQUIRE(progress.failure);
    CHECK(progress.failure->kind == FailureClass::configuration);
    CHECK_FALSE(sink->probe(kSecond).ok());
}

TEST_CASE("file: a full batch waits for the disk", "[sinks][file]") {
    Bench bench;
    RecordBuilder record;
    record.payload(std::string(300'000, 'x'));
    std::uint64_t taken = 0;
    while (taken < 100 && bench.sink().put({taken + 1}, record.view()))
        ++taken;
    CHECK(taken == 4);
    CHECK(bench.sink().poll(0).safe == Lsn{4});
    CHECK(bench.sink().put({5}, record.view()));
}

}  // namespace
}  // namespace penstock::sinks
