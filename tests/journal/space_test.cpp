#include "base/posix_disk.h"
#include "stepped_journal.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

namespace penstock::journal {
namespace {

using test::FakeDisk;
using test::JournalBench;

/// Writes until the journal turns a batch away for want of space.
void fill_up(JournalBench& bench) {
    for (int i = 0; i < 500 && !bench.journal->full(); ++i) {
        bench.submit(1, 60'000);
        bench.settle(10);
    }
    REQUIRE(bench.journal->full());
    for (int i = 0; i < 50; ++i)
        bench.step();
}

TEST_CASE(
    "space: a full disk takes no records, loses none, and goes on when space returns",
    "[journal][space][D17]"
) {
    JournalBench bench;
    bench.disk.set_capacity(std::uint64_t{8} << 20U);
    bench.must_open();
    for (int round = 0; round < 5; ++round) {
        fill_up(bench);
        CHECK_FALSE(bench.submit(1));
        CHECK(bench.journal->state() == State::full);
        CHECK_FALSE(bench.failed);
        CHECK(bench.check() == "");
        const auto before = bench.clock.monotonic();
        bench.disk.set_capacity(bench.disk.used() + (std::uint64_t{8} << 20U));
        while (bench.journal->full())
            bench.step();
        CHECK(bench.clock.monotonic() - before < 2 * kSecond);
        REQUIRE(bench.submit(1));
        REQUIRE(bench.settle());
        CHECK(bench.check() == "");
    }
}

TEST_CASE(
    "space: restarts on a full disk leak nothing and start all the same", "[journal][space][D17]"
) {
    JournalBench bench;
    bench.disk.set_capacity(std::uint64_t{8} << 20U);
    bench.must_open();
    fill_up(bench);
    bench.crash(FakeDisk::Cut::keep);
    // Whatever else lives on the disk takes the rest.
    bench.disk.put(
        "/data/other", std::vector<std::byte>((std::uint64_t{8} << 20U) - bench.disk.used())
    );
    std::uint64_t used = 0;
    for (int i = 0; i < 100; ++i) {
        bench.must_open();
        for (int s = 0; s < 3; ++s)
            bench.step();
        REQUIRE(bench.check() == "");
        CHECK_FALSE(bench.submit(1));
        bench.crash(FakeDisk::Cut::keep);
        if (i == 0) used = bench.disk.used();
        REQUIRE(bench.disk.used() <= used);
    }
    bench.disk.set_capacity(std::uint64_t{20} << 20U);
    bench.must_open();
    REQUIRE(bench.settle());
    REQUIRE(bench.submit(1));
    REQUIRE(bench.settle());
    CHECK(bench.check() == "");
}

TEST_CASE(
    "space: a start that runs out of space once its copy is in place keeps what is acknowledged",
    "[journal][space][D17]"
) {
    for (const auto call : {FakeDisk::Call::rename, FakeDisk::Call::sync_directory}) {
        for (std::uint64_t k = 1; k <= 4; ++k) {
            INFO("call " << static_cast<int>(call) << " k " << k);
            JournalBench bench;
            bench.must_open();
            REQUIRE(bench.submit(3));
            REQUIRE(bench.settle());
            bench.crash(FakeDisk::Cut::keep);
            bench.disk.fail(call, k, Errc::full);
            if (bench.open().ok()) CHECK(bench.check() == "");
            bench.crash(FakeDisk::Cut::keep);
            bench.disk.heal();
            bench.must_open();
            CHECK(bench.check() == "");
        }
    }
}

TEST_CASE(
    "space: the quota shuts the gate at its hard mark and opens it when segments go",
    "[journal][space][D07]"
) {
    JournalBench bench;
    bench.options.config.max_size = 6_MiB;
    bench.must_open();
    fill_up(bench);
    CHECK(bench.journal->segments().bytes() <= (std::uint64_t{6} << 20U));
    REQUIRE(bench.check() == "");
    const auto oldest = bench.journal->segments().all().front();
    CHECK(bench.journal->retire(oldest.number + 1).error().code == Errc::invalid_argument);
    REQUIRE(bench.journal->retire(oldest.number).ok());
    CHECK_FALSE(bench.disk.exists(oldest.path));
    CHECK(bench.journal->oldest() == oldest.last.next());
    for (int i = 0; i < 8; ++i)
        bench.step();
    CHECK_FALSE(bench.journal->full());
    CHECK(bench.submit(1));
    CHECK(bench.settle());
}

TEST_CASE(
    "space: too few descriptors for a new segment pause the intake, no more",
    "[journal][space][D16]"
) {
    JournalBench bench;
    bench.must_open();
    REQUIRE(bench.settle());
    for (int i = 0; i < 40 && !bench.journal->full(); ++i) {
        bench.disk.fail(FakeDisk::Call::open, 1);
        if (bench.submit(1, 60'000)) bench.settle(10);
    }
    CHECK_FALSE(bench.failed);
    bench.disk.heal();
    for (int i = 0; i < 10; ++i)
        bench.step();
    CHECK(bench.journal->state() == State::open);
    REQUIRE(bench.submit(1));
    REQUIRE(bench.settle());
    CHECK(bench.check() == "");
}

/// A tmpfs of its own, when the process may mount one.
class SmallFileSystem {
public:
    explicit SmallFileSystem(const std::string& size) {
        const std::string options = "size=" + size + ",mode=0700";
        mounted_ = ::mount("none", dir_.path().c_str(), "tmpfs", 0, options.c_str()) == 0;
    }
    ~SmallFileSystem() {
        if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
    }
    SmallFileSystem(const SmallFileSystem&) = delete;
    SmallFileSystem& operator=(const SmallFileSystem&) = delete;
    [[nodiscard]] bool mounted() const { return mounted_; }
    [[nodiscard]] std::filesystem::path path() const { return dir_.path(); }

private:
    test::TempDir dir_;
    bool mounted_ = false;
};

bool eventually(const std::function<bool()>& holds, std::chrono::seconds within) {
    const auto end = std::chrono::steady_clock::now() + within;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

TEST_CASE(
    "space: on a small real file system full is a state that ends within two seconds",
    "[journal][space][D17]"
) {
    const SmallFileSystem small("16m");
    if (!small.mounted()) {
        WARN("no right to mount a tmpfs: covered by the fake disk only");
        return;
    }
    metrics::Registry registry;
    Options options;
    options.directory = small.path() / "journal";
    options.config.segment_size = 1_MiB;
    options.config.batch_size = 128_KiB;
    options.config.record_max = 256_KiB;
    auto opened = Journal::open(options, posix_disk(), system_clock(), registry);
    REQUIRE(opened.ok());
    Journal& journal = **opened;
    journal.start();
    Appender& appender = journal.appender({0});
    std::uint64_t sent = 0;
    std::uint64_t confirmed = 0;
    const auto write_one = [&] {
        const BatchPtr batch = appender.acquire(60'000);
        test::put_record(*batch, {0, sent, 60'000});
        batch->seal();
        if (appender.submit(batch)) ++sent;
        for (auto next = appender.poll(); next.count > 0; next = appender.poll())
            confirmed += next.count;
        return journal.full();
    };
    REQUIRE(eventually(write_one, std::chrono::seconds(20)));
    REQUIRE(eventually(
        [&] {
            for (auto next = appender.poll(); next.count > 0; next = appender.poll())
                confirmed += next.count;
            return confirmed == sent || journal.full();
        },
        std::chrono::seconds(5)
    ));
    CHECK(journal.state() == State::full);
    CHECK(test::read_all(*journal.reader()).records.size() == journal.durable().value);
    for (int i = 0; i < 4; ++i) {
        REQUIRE(eventually(
            [&] { return journal.segments().all().front().sealed; }, std::chrono::seconds(2)
        ));
        REQUIRE(journal.retire(journal.segments().all().front().number).ok());
    }
    CHECK(eventually([&] { return !journal.full(); }, std::chrono::seconds(2)));
    const std::uint64_t before = confirmed;
    CHECK(eventually([&] { return write_one() || confirmed > before; }, std::chrono::seconds(2)));
    CHECK(journal.close().ok());
}

TEST_CASE("space: every file is 0600 and every folder 0700 whatever the umask", "[journal][D23]") {
    const test::TempDir dir;
    const mode_t before = ::umask(0);
    metrics::Registry registry;
    Options options;
    options.directory = dir / "data/journal";
    options.config.segment_size = 1_MiB;
    options.config.batch_size = 128_KiB;
    options.config.record_max = 256_KiB;
    {
        auto opened = Journal::open(options, posix_disk(), system_clock(), registry);
        REQUIRE(opened.ok());
        (*opened)->start();
        REQUIRE(
            eventually([&] { return (*opened)->segments().size() == 1; }, std::chrono::seconds(10))
        );
        REQUIRE((*opened)->close().ok());
    }
    ::umask(before);
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir / "data")) {
        struct stat info{};
        REQUIRE(::stat(entry.path().c_str(), &info) == 0);
        INFO(entry.path().string());
        CHECK((info.st_mode & 0777U) == (entry.is_directory() ? 0700U : 0600U));
        files += entry.is_regular_file() ? 1U : 0U;
    }
    CHECK(files >= 3);
}

}  // namespace
}  // namespace penstock::journal
