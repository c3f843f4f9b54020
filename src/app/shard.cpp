#include "app/shard.h"

#include "base/metrics.h"
#include "penstock/record.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace penstock::app {

Shard::Shard(Parts parts)
    : id_(parts.id.value),
      inspector_(std::move(parts.inspector)),
      workspace_(inspector_->max_fields()),
      devices_(std::move(parts.devices)),
      log_(parts.appender, [this] { score_waiting(); }),
      links_(parts.links),
      wake_(std::move(parts.wake)),
      closed_(parts.closed),
      durable_lsn_(std::move(parts.durable)),
      parcels_(links_.shards()),
      receipts_(links_.shards()),
      position_(parts.first.value) {
    count_with(parts.registry);
}

void Shard::count_with(metrics::Registry& registry) {
    constexpr std::string_view kReceived =
        "Messages taken from devices: accepted, quarantined or refused.";
    for (const auto& [source, name] :
         {std::pair{Source::mqtt, "mqtt"}, {Source::http, "http"}, {Source::will, "will"}}) {
        counters_.received[static_cast<std::size_t>(source)] =
            &registry.counter("penstock_received_records_total", kReceived, {{"source", name}});
    }
    for (std::size_t i = 0; i <= static_cast<std::size_t>(Refusal::too_deep); ++i) {
        const std::string reason(name(static_cast<Refusal>(i)));
        counters_.quarantined[i] = &registry.counter(
            "penstock_quarantined_records_total",
            "Messages kept aside in the journal, by reason.",
            {{"reason", reason}}
        );
        counters_.refused[i] = &registry.counter(
            "penstock_refused_records_total",
            "Messages refused to their device and not kept.",
            {{"reason", reason}}
        );
    }
    counters_.forwarded = &registry.counter(
        "penstock_forwarded_records_total", "Records that crossed to their device's home shard."
    );
    counters_.devices =
        &registry.gauge("penstock_score_devices", "Devices whose score is being learned.");
    counters_.evicted = &registry.gauge(
        "penstock_score_evicted_devices",
        "Devices that lost their learning to the memory bound, since the start."
    );
    counters_.unscored = &registry.gauge(
        "penstock_score_unscored_values",
        "Values not scored because their device has too many others, since the start."
    );
    counters_.busy = &registry.counter(
        "penstock_intake_busy_total",
        "Times a connection was told to wait because journal or another shard had no room."
    );
}

Reply Shard::submit(const Message& message, const Ticket& ticket) {
    ++seen_;
    const auto examined = inspector_->examine(message, workspace_);
    Reply reply{
        .kind = Reply::Kind::accepted,
        .refusal = examined.refusal,
        .reason = examined.reason,
        .pointer = examined.pointer
    };
    const auto reason = static_cast<std::size_t>(examined.refusal);
    if (examined.outcome == inspect::Examined::Outcome::refused) {
        counters_.received[static_cast<std::size_t>(message.source)]->add();
        counters_.refused[reason]->add();
        reply.kind = Reply::Kind::refused;
        return reply;
    }
    const auto home = home_shard(examined.record.device_hash, links_.shards()).value;
    const bool taken = home == id_ ? keep(examined, ticket) : forward(home, examined, ticket);
    if (!taken) {
        blocked_ = true;
        counters_.busy->add();
        reply.kind = Reply::Kind::busy;
        return reply;
    }
    counters_.received[static_cast<std::size_t>(message.source)]->add();
    if (examined.outcome == inspect::Examined::Outcome::quarantined) {
        counters_.quarantined[reason]->add();
        reply.kind = Reply::Kind::quarantined;
    }
    return reply;
}

bool Shard::keep(const inspect::Examined& examined, const Ticket& ticket) {
    const auto size = encoded_size(examined.record);
    const auto room = log_.reserve(size);
    if (room.empty()) return false;
    encode(examined.record, room);
    const auto& record = examined.record;
    score_later(room.first(size), record.device_hash, record.event_time, examined.metrics);
    log_.commit(size, {id_, ticket});
    return true;
}

/// A device's state is usually not in the cache, and the miss costs more than the score: the line
/// is prefetched here, and the score computed some records further on, before the batch is sealed
/// at the latest. Order per device stays that of the batch.
void Shard::score_later(
    std::span<std::byte> encoded,
    std::uint64_t hash,
    Nanoseconds event_time,
    std::span<const inspect::Metric> metrics
) {
    if (metrics.empty()) return;
    devices_->prefetch_place(hash);
    if (unscored_.size() >= kAhead)
        devices_->prefetch_state(unscored_[unscored_.size() - kAhead].hash);
    unscored_.push_back({encoded, hash, event_time, static_cast<std::uint32_t>(metrics.size())});
    unscored_metrics_.insert(unscored_metrics_.end(), metrics.begin(), metrics.end());
    if (unscored_.size() == kUnscored) score_waiting();
}

void Shard::score_waiting() {
    std::span<const inspect::Metric> left = unscored_metrics_;
    for (const auto& waiting : unscored_) {
        const auto record = RecordView::parse_outline(waiting.record);
        const auto metrics = left.first(waiting.metrics);
        left = left.subspan(waiting.metrics);
        if (!record) continue;
        const auto judged = devices_->score(
            waiting.hash, record->device(), waiting.event_time, metrics, ++position_
        );
        if (judged.field != 0xffff) set_score(waiting.record, judged);
    }
    unscored_.clear();
    unscored_metrics_.clear();
}

bool Shard::forward(std::uint32_t home, const inspect::Examined& examined, const Ticket& ticket) {
    auto& parcel = parcels_[home];
    if (parcel != nullptr &&
        (parcel->bytes.size() >= Parcel::kFull || parcel->inspector != inspector_) &&
        !send_parcel(home)) {
        return false;
    }
    if (parcel == nullptr) {
        parcel = std::make_unique<Parcel>();
        parcel->inspector = inspector_;
        parcel->bytes.reserve(Parcel::kFull);
    }
    const auto size = encoded_size(examined.record);
    const auto at = parcel->bytes.size();
    parcel->bytes.resize(at + size);
    encode(examined.record, std::span(parcel->bytes).subspan(at));
    parcel->metrics.insert(parcel->metrics.end(), examined.metrics.begin(), examined.metrics.end());
    parcel->items.push_back(
        {static_cast<std::uint32_t>(size),
         static_cast<std::uint32_t>(examined.metrics.size()),
         ticket}
    );
    counters_.forwarded->add();
    return true;
}

bool Shard::turn() {
    bool moved = take_durable();
    moved |= take_receipts();
    if (!durable_.empty()) {
        origin_->durable(durable_);
        durable_.clear();
    }
    moved |= take_parcels();
    moved |= log_.flush();
    moved |= send_parcels();
    moved |= send_receipts();
    moved |= advance_checkpoint();
    // Whatever moved may have made room; who still finds none says so again.
    if (blocked_ && moved) {
        blocked_ = false;
        origin_->room();
    }
    return moved;
}

bool Shard::take_durable() {
    HomeLog::Arrived arrived;
    bool any = false;
    while (log_.collect(arrived)) {
        any = true;
        newest_ = arrived.first.plus(arrived.count - 1);
        if (checkpoint_ != nullptr && checkpoint_->copied &&
            log_.arrived() == checkpoint_->batches) {
            checkpoint_->snapshot.lsn = newest_;
        }
        for (const auto& owed : arrived.owed) {
            auto& tickets = owed.shard == id_ ? durable_ : receipts_[owed.shard];
            tickets.push_back(owed.ticket);
        }
        log_.recycle(std::move(arrived.owed));
    }
    if (any) {
        counters_.devices->set(static_cast<double>(devices_->devices()));
        counters_.evicted->set(static_cast<double>(devices_->evicted()));
        counters_.unscored->set(static_cast<double>(devices_->unscored()));
    }
    return any;
}

bool Shard::take_receipts() {
    bool any = false;
    std::vector<Ticket> tickets;
    for (std::uint32_t from = 0; from < links_.shards(); ++from) {
        while (from != id_ && links_.receipts(from, id_).try_pop(tickets)) {
            any = true;
            durable_.insert(durable_.end(), tickets.begin(), tickets.end());
        }
    }
    return any;
}

bool Shard::send_receipts() {
    bool any = false;
    for (std::uint32_t to = 0; to < links_.shards(); ++to) {
        // A full ring: they stay here, bounded by what is in flight.
        if (receipts_[to].empty() || !links_.receipts(id_, to).try_push(std::move(receipts_[to])))
            continue;
        receipts_[to] = {};
        wake_(to);
        any = true;
    }
    return any;
}

bool Shard::take_parcels() {
    bool any = false;
    std::unique_ptr<Parcel> done;
    for (std::uint32_t from = 0; from < links_.shards(); ++from) {
        if (from == id_) continue;
        auto& ring = links_.parcels(from, id_);
        while (auto* parcel = ring.peek()) {
            const auto before = (*parcel)->taken;
            const bool whole = take(**parcel, from);
            any |= whole || (*parcel)->taken != before;
            if (!whole) break;
            if (ring.try_pop(done)) wake_(from);
        }
    }
    return any;
}

/// Takes what the journal has room for. True when nothing is left.
bool Shard::take(Parcel& parcel, std::uint32_t from) {
    for (; parcel.taken < parcel.items.size(); ++parcel.taken) {
        const auto& item = parcel.items[parcel.taken];
        const auto room = log_.reserve(item.size);
        if (room.empty()) return false;
        std::memcpy(room.data(), parcel.bytes.data() + parcel.bytes_taken, item.size);
        // A parcel packed under other streams than this shard has by now names its metrics
        // otherwise: not scored.
        const auto encoded = room.first(item.size);
        if (const auto record = RecordView::parse_outline(encoded);
            record && parcel.inspector == inspector_) {
            const auto metrics =
                std::span(parcel.metrics).subspan(parcel.metrics_taken, item.metrics);
            score_later(encoded, record->device_hash(), record->event_time(), metrics);
        }
        log_.commit(item.size, {from, item.ticket});
        parcel.bytes_taken += item.size;
        parcel.metrics_taken += item.metrics;
    }
    return true;
}

bool Shard::send_parcels() {
    bool any = false;
    for (std::uint32_t home = 0; home < links_.shards(); ++home) {
        if (parcels_[home] != nullptr) any |= send_parcel(home);
    }
    return any;
}

bool Shard::send_parcel(std::uint32_t home) {
    if (!links_.parcels(id_, home).try_push(std::move(parcels_[home]))) return false;
    parcels_[home] = nullptr;
    wake_(home);
    return true;
}

void Shard::use(std::shared_ptr<const inspect::Inspector> inspector) {
    score_waiting();
    // The table compares with the old catalogue: it lives until the end of this call.
    const auto old = std::exchange(inspector_, std::move(inspector));
    workspace_ = inspect::Workspace(inspector_->max_fields());
    devices_->use(inspector_->metrics());
}

void Shard::checkpoint(bool full, std::function<void(ScoreSnapshot)> done) {
    checkpoint_ = std::make_unique<Checkpoint>();
    checkpoint_->full = full;
    checkpoint_->done = std::move(done);
}

bool Shard::advance_checkpoint() {
    if (checkpoint_ == nullptr) return false;
    auto& point = *checkpoint_;
    if (!point.copied) {
        // The copy must hold whole batches: what stands in the one being filled has to go first.
        log_.flush(true);
        if (!log_.empty()) return false;
        if (point.full) devices_->mark_all_changed();
        const auto copy =
            [&states = point.snapshot.states](std::uint64_t, std::span<const std::byte> blob) {
                // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes kept in a
                // string.
                states.append(reinterpret_cast<const char*>(blob.data()), blob.size());
            };
        while (devices_->save_changed(kStatesAtATime, copy) != 0) {
        }
        point.copied = true;
        point.batches = log_.submitted();
        // With nothing on its way, whatever comes later lies above what is durable by now.
        // Otherwise take_durable() notes the last LSN of the last batch that is in the copy.
        if (log_.settled()) point.snapshot.lsn = std::max(newest_, durable_lsn_());
    }
    if (log_.arrived() < point.batches) return false;
    const auto finished = std::exchange(checkpoint_, nullptr);
    finished->done(std::move(finished->snapshot));
    return true;
}

bool Shard::settled() {
    if (!log_.settled()) return false;
    for (std::uint32_t other = 0; other < links_.shards(); ++other) {
        if (parcels_[other] != nullptr || !receipts_[other].empty()) return false;
        if (other == id_) continue;
        if (links_.parcels(other, id_).peek() != nullptr || links_.parcels(id_, other).size() != 0)
            return false;
        if (links_.receipts(other, id_).peek() != nullptr) return false;
    }
    return true;
}

}  // namespace penstock::app
