#pragma once

#include "penstock/history.h"
#include "support/fake_log.h"
#include "support/record_builder.h"

#include <cstring>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::test {

/// A history that the test fills. Pages are by position: `next` is the index of the first record of
/// the next page. Threads: any.
class FakeHistory final : public History {
public:
    void add(RecordBuilder& record) {
        const auto& bytes = record.bytes();
        std::shared_ptr<std::byte[]> kept(new std::byte[bytes.size()]);
        std::memcpy(kept.get(), bytes.data(), bytes.size());
        StoredRecord stored;
        stored.lsn = Lsn{records_.size() + 1};
        stored.record = RecordView::parse({kept.get(), bytes.size()}).value();
        stored.bytes = std::move(kept);
        const std::lock_guard lock(mutex_);
        records_.push_back(stored);
    }
    void add(RecordBuilder&& record) { add(record); }

    Result<StoredRecord> latest(std::string_view device) override {
        const std::lock_guard lock(mutex_);
        for (auto at = records_.rbegin(); at != records_.rend(); ++at) {
            if (at->record.device() == device) return *at;
        }
        return Error{Errc::not_found, "no record of this device is retained"};
    }

    Result<HistoryPage> query(const HistoryQuery& query) override {
        const std::lock_guard lock(mutex_);
        queries.push_back(
            {std::string(query.device), std::string(query.stream), query.from, query.to}
        );
        if (fails) return Error{Errc::io, "cannot read segment"};
        if (query.device == "nobody")
            return Error{Errc::not_found, "no record of this device is retained"};
        if (query.after == "x")
            return Error{Errc::invalid_argument, "not a cursor of this journal"};
        const std::size_t from = query.after.empty() ? 0 : std::stoul(std::string(query.after));
        HistoryPage page;
        for (std::size_t i = from; i < records_.size(); ++i) {
            if (page.records.size() == query.limit) {
                page.next = std::to_string(i);
                break;
            }
            page.records.push_back(records_[i]);
        }
        return page;
    }

    Result<DevicePage> devices(std::string_view after, std::uint32_t limit) override {
        const std::lock_guard lock(mutex_);
        DevicePage page;
        for (const auto* name : {"a", "b\"\n", "c/d"}) {
            if (!after.empty() && name <= after) continue;
            if (page.devices.size() == limit) {
                page.next = page.devices.back().device;
                break;
            }
            page.devices.push_back({name, "wearables", 1'767'323'045'678'000'000, Lsn{7}, 3});
        }
        return page;
    }

    std::unique_ptr<LogReader> tail() override {
        auto reader = log.reader();
        reader->seek(log.durable().next());
        tails.fetch_add(1);
        return reader;
    }

    struct Asked {
        std::string device;
        std::string stream;
        Nanoseconds from;
        Nanoseconds to;
    };
    std::vector<Asked> queries;
    bool fails = false;
    std::atomic<int> tails{0};
    FakeLog log;

private:
    std::mutex mutex_;
    std::vector<StoredRecord> records_;
};

}  // namespace penstock::test
