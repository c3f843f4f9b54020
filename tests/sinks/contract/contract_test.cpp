#include "sinks/contract/contract.h"

#include "sinks/contract/rig.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <set>
#include <utility>

namespace penstock::sinks::contract {
namespace {

/// A case that the far side cannot show, by its own statement.
bool left_out(const std::string& why) {
    if (!why.empty()) WARN("left out: " << why);
    return !why.empty();
}

/// Calls through to a sink and compares what it reports as safe with what has arrived.
class Watched final : public Sink {
public:
    Watched(std::unique_ptr<Sink> sink, FarSide& far) : sink_(std::move(sink)), far_(far) {}

    [[nodiscard]] bool put(Lsn lsn, const RecordView& record) override {
        if (!sink_->put(lsn, record)) return false;
        put_.insert_or_assign(lsn, std::pair(std::string(record.device()), record.event_time()));
        return true;
    }
    void skip(Lsn lsn) override { sink_->skip(lsn); }
    void flush() override { sink_->flush(); }
    void reset(Lsn safe) override {
        put_.erase(put_.upper_bound(safe), put_.end());
        sink_->reset(safe);
    }
    [[nodiscard]] Nanoseconds settle() const noexcept override { return sink_->settle(); }
    [[nodiscard]] Status probe(Nanoseconds bound) override { return sink_->probe(bound); }

    [[nodiscard]] SinkProgress poll(Nanoseconds wait) override {
        SinkProgress progress = sink_->poll(wait);
        if (!put_.empty() && put_.begin()->first <= progress.safe) compare(progress);
        return progress;
    }

private:
    void compare(const SinkProgress& progress) {
        std::set<std::pair<std::string, Nanoseconds>> arrived;
        for (const Arrival& a : far_.arrived())
            arrived.emplace(a.device, a.event_time);
        while (!put_.empty() && put_.begin()->first <= progress.safe) {
            if (!arrived.contains(put_.begin()->second)) {
                FAIL("reported as safe before it arrived: LSN " << put_.begin()->first.value);
            }
            put_.erase(put_.begin());
        }
    }

    std::unique_ptr<Sink> sink_;
    FarSide& far_;
    std::map<Lsn, std::pair<std::string, Nanoseconds>> put_;
};

/// The fault comes while records flow; when it has gone, all of them are there.
void survives(FarSide& far, Fault fault, Nanoseconds lasting) {
    Rig rig(far);
    rig.append(60);
    REQUIRE(rig.drain());
    far.set(fault);
    rig.append(200);
    static_cast<void>(rig.run_until([&rig] { return rig.drained(); }, lasting));
    far.set(Fault::none);
    REQUIRE(rig.drain());
    rig.check_all_arrived();
    if (far.lacks_order().empty()) rig.check_order();
}

/// One record that the far side will never take, among others.
void keeps_all_but(FarSide& far, const std::string& payload) {
    REQUIRE_FALSE(payload.empty());
    test::RecordSpec bad;
    bad.device = "poison";
    bad.payload = payload;
    Rig rig(far);
    rig.append(25);
    rig.append(bad);
    const Lsn lsn = rig.log.durable();
    rig.append(25);
    REQUIRE(rig.drain());
    rig.check_all_arrived({lsn});
    REQUIRE(rig.disk.kept.size() == 1);
    CHECK(rig.disk.kept[0].lsn == lsn);
    CHECK(rig.disk.kept[0].payload == bad.payload);
    CHECK_FALSE(rig.disk.kept[0].reason.empty());
}

}  // namespace

void delivers_all(const FarSideFactory& make) {
    const auto far = make();
    if (!far) return;
    Rig rig(*far);
    rig.append(500);
    REQUIRE(rig.drain());
    rig.check_all_arrived();
    rig.append(3);
    REQUIRE(rig.drain());
    rig.check_all_arrived();
    CHECK(rig.health().state == SinkState::running);
    CHECK(
        rig.metrics.value("penstock_sink_confirmed_records_total", {{"sink", "under_test"}}) == 503
    );
}

void keeps_order_per_device(const FarSideFactory& make) {
    const auto far = make();
    if (!far) return;
    if (left_out(far->lacks_order())) return;
    Rig rig(*far);
    rig.append(400, 7);
    REQUIRE(rig.drain());
    rig.check_order();
}

void survives_kill_mid_batch(const FarSideFactory& make) {
    const auto far = make();
    if (!far) return;
    Rig rig(*far);
    for (int round = 0; round < 4; ++round) {
        rig.append(130);
        rig.start();
        const std::size_t before = far->arrived().size();
        rig.run_until([&] { return far->arrived().size() > before; }, 2 * kSecond);
        rig.kill();
    }
    REQUIRE(rig.drain());
    rig.check_all_arrived();
    if (far->lacks_order().empty()) rig.check_order();
}

void survives_half_accepted_batch(const FarSideFactory& make) {
    const auto far = make();
    if (!far) return;
    if (left_out(far->lacks(Fault::half_accepted))) return;
    survives(*far, Fault::half_accepted, far->patience());
}

void waits_while_throttled(const FarSideFactory& make) {
    const auto far = make();
    if (!far) return;
    if (left_out(far->lacks(Fault::throttled))) return;
    survives(*far, Fault::throttled, kSecond);
}

void survives_reset_after_write(const FarSideFactory& make) {
    const auto far = make();
    if (!far) return;
    if (left_out(far->lacks(Fault::reset_after_write))) return;
    survives(*far, Fault::reset_after_write, far->patience());
}

void waits_while_unreachable(const FarSideFactory& make) {
    const auto far = make();
    if (!far) return;
    if (left_out(far->lacks(Fault::unreachable))) return;
    survives(*far, Fault::unreachable, 2 * kSecond);
}

void alarms_on_wrong_credentials(const FarSideFactory& make) {
    const auto far = make();
    if (!far) return;
    if (left_out(far->lacks(Fault::denied))) return;
    Rig rig(*far);
    far->set(Fault::denied);
    rig.append(50);
    rig.start();
    REQUIRE(rig.run_until([&rig] { return rig.health().state == SinkState::alarm; }));
    CHECK(rig.disk.cursor.value_or(Lsn{}) == Lsn{});
    CHECK_FALSE(rig.health().last_error.empty());
    CHECK(rig.disk.kept.empty());
    far->set(Fault::none);
    REQUIRE(rig.drain());
    rig.check_all_arrived();
    CHECK(rig.health().state == SinkState::running);
}

void quarantines_only_the_refused(const FarSideFactory& make) {
    const auto far = make();
    if (!far) return;
    if (left_out(far->lacks_refusal())) return;
    keeps_all_but(*far, far->refused_payload());
}

void quarantines_only_the_oversized(const FarSideFactory& make) {
    const auto far = make();
    if (!far) return;
    if (left_out(far->lacks_size_bound())) return;
    keeps_all_but(*far, far->oversized_payload());
}

void survives_far_crash(const FarSideFactory& make) {
    const auto far = make();
    if (!far) return;
    if (left_out(far->lacks(Fault::crash))) return;
    Rig rig(*far);
    rig.append(100);
    for (int round = 0; round < 3; ++round) {
        const auto sent = [&rig] {
            return rig.metrics.value("penstock_sink_sent_records_total", {{"sink", "under_test"}});
        };
        const double before = sent();
        static_cast<void>(rig.run_until([&] { return sent() > before; }));
        far->set(Fault::crash);
        rig.append(100);
    }
    REQUIRE(rig.drain());
    far->set(Fault::crash);
    rig.append(10);
    REQUIRE(rig.drain());
    rig.check_all_arrived();
    if (far->lacks_order().empty()) rig.check_order();
}

void carries_hostile_device_ids(const FarSideFactory& make) {
    const auto far = make();
    if (!far) return;
    Rig rig(*far);
    for (const char* id :
         {"Gerät-7",
          "设备",
          "\xF0\x9F\x92\x93",
          "a,b=c d",
          "quote\"s",
          "back\\slash",
          "back\\",
          "../../etc/passwd",
          "line\nbreak\r\n",
          "tab\there",
          "'; drop table x; --",
          "# comment",
          "{\"json\":1}",
          "%2e%2e%2f",
          "${HOME}",
          "\xE2\x80\xAE"
          "gnp.exe",
          " lead and trail ",
          "=",
          ",",
          "\x01\x1f",
          "e\xCC\x81 combining"}) {
        test::RecordSpec spec;
        spec.device = id;
        rig.append(spec);
    }
    test::RecordSpec longest;
    longest.device = std::string(250, 'x');
    rig.append(longest);
    REQUIRE(rig.drain());
    rig.check_all_arrived();
    CHECK(rig.disk.kept.empty());
}

void stops_while_hung(const FarSideFactory& make) {
    const auto far = make();
    if (!far) return;
    if (left_out(far->lacks(Fault::hang))) return;
    Rig rig(*far);
    rig.append(20);
    REQUIRE(rig.drain());
    rig.kill();
    far->set(Fault::hang);
    rig.append(100);
    {
        RunnerThread thread(rig.parts());
        thread.start();
        const timespec pause{0, 500 * 1000 * 1000};
        ::nanosleep(&pause, nullptr);
        const Nanoseconds asked = system_clock().monotonic();
        CHECK(thread.stop(std::chrono::nanoseconds(kSinkStopBound + kSecond)));
        CHECK(system_clock().monotonic() - asked < kSinkStopBound + kSecond);
    }
    far->set(Fault::none);
    rig.start();
    REQUIRE(rig.drain());
    rig.check_all_arrived();
}

void never_reports_ahead(const FarSideFactory& make) {
    const auto far = make();
    if (!far) return;
    Rig rig(*far);
    rig.wrap = [&far](std::unique_ptr<Sink> sink) -> std::unique_ptr<Sink> {
        return std::make_unique<Watched>(std::move(sink), *far);
    };
    for (int round = 0; round < 4; ++round) {
        rig.append(60);
        REQUIRE(rig.drain());
    }
    if (far->lacks(Fault::reset_after_write).empty()) far->set(Fault::reset_after_write);
    rig.append(100);
    REQUIRE(rig.drain());
    rig.check_all_arrived();
}

void keeps_all(const FarSideFactory& make) {
    SECTION("delivers every record") {
        delivers_all(make);
    }
    SECTION("keeps the order of each device") {
        keeps_order_per_device(make);
    }
    SECTION("loses nothing when killed in the middle of a batch") {
        survives_kill_mid_batch(make);
    }
    SECTION("loses nothing when half a batch is taken") {
        survives_half_accepted_batch(make);
    }
    SECTION("waits while throttled and then delivers") {
        waits_while_throttled(make);
    }
    SECTION("loses nothing when the connection breaks after the write") {
        survives_reset_after_write(make);
    }
    SECTION("waits while the far side is unreachable") {
        waits_while_unreachable(make);
    }
    SECTION("wrong credentials are an alarm and no loss") {
        alarms_on_wrong_credentials(make);
    }
    SECTION("one refused record is quarantined, the rest kept") {
        quarantines_only_the_refused(make);
    }
    SECTION("one record too large is quarantined, the rest kept") {
        quarantines_only_the_oversized(make);
    }
    SECTION("loses nothing when the far side dies just after it confirmed") {
        survives_far_crash(make);
    }
    SECTION("unicode and hostile device ids arrive as they are") {
        carries_hostile_device_ids(make);
    }
    SECTION("stops within its bound while the far side hangs") {
        stops_while_hung(make);
    }
    SECTION("never reports a record as safe before it has arrived") {
        never_reports_ahead(make);
    }
}

}  // namespace penstock::sinks::contract
