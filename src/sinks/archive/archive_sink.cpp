#include "sinks/archive/archive_sink.h"

#include "base/log.h"
#include "sinks/archive/archive_counts.h"
#include "sinks/archive/local_store.h"
#include "sinks/archive/manifest.h"
#include "sinks/archive/s3_store.h"
#include "sinks/archive/window.h"
#include "sinks/archive/window_plan.h"
#include "sinks/encode/zstd_writer.h"
#include "sinks/transport/digest.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace penstock::sinks {

namespace {

constexpr Nanoseconds kIdle = kSecond;

/// A closed window on its way, or the manifest of those before it.
struct Shipment {
    bool manifest = false;
    WindowPlan plan;
    bool again = false;  // it was closed before: its objects may be there
    std::vector<ArchiveObject> objects;
    std::size_t begun = 0;
    std::vector<ManifestEntry> done;
};

class ArchiveSink final : public Sink {
public:
    ArchiveSink(
        const ArchiveConfig& config,
        const SinkContext& context,
        WindowLog log,
        ManifestLog manifests,
        std::unique_ptr<Store> store
    )
        : config_(config.window),
          settings_{
              config.format,
              config.level,
              kArchiveEncoderVersion,
              ZstdWriter::library_version(),
              config.s3 ? with_slash(config.s3->prefix) : std::string(),
              {}
          },
          journal_(context.journal),
          declared_(context.declared_fields),
          clock_(*context.clock),
          replay_(context.replay),
          log_(std::move(log)),
          manifests_(std::move(manifests)),
          store_(std::move(store)),
          own_metrics_(context.metrics ? nullptr : std::make_unique<metrics::Registry>()),
          counts_(context.metrics ? *context.metrics : *own_metrics_, {{"sink", context.id}}) {}

    [[nodiscard]] bool put(Lsn lsn, const RecordView& record) override;
    void skip(Lsn lsn) override;
    void flush() override { flushing_ = window_ && !window_->empty(); }
    [[nodiscard]] SinkProgress poll(Nanoseconds wait) override;
    void reset(Lsn safe) override;
    [[nodiscard]] Status probe(Nanoseconds bound) override { return store_->probe(bound); }

private:
    [[nodiscard]] const WindowPlan* planned(Lsn first) const;
    [[nodiscard]] Lsn forced_end(Lsn first) const;
    void open();
    [[nodiscard]] bool over() const;
    [[nodiscard]] bool ended() const { return window_ && last_ >= end_; }
    [[nodiscard]] bool due() const;
    void close();
    void list();
    void ship(SinkProgress& progress, Nanoseconds wait);
    [[nodiscard]] Status shipped(Shipment& shipment);
    void settle_idle();
    [[nodiscard]] Nanoseconds quiet_for() const;

    const WindowConfig config_;
    const WindowSettings settings_;
    const JournalId journal_;
    const FieldCatalog declared_;
    const Clock& clock_;
    const bool replay_;
    WindowLog log_;
    ManifestLog manifests_;
    std::unique_ptr<Store> store_;

    std::optional<Window> window_;
    const WindowPlan* plan_ = nullptr;  // the window was closed before: it ends where it ended
    Lsn end_;                           // the window may not go beyond
    Nanoseconds opened_ = 0;            // when its first record came
    bool flushing_ = false;
    std::optional<Shipment> shipment_;
    Lsn next_;      // the first LSN of the next window
    Lsn last_;      // the highest that was put or skipped
    Lsn archived_;  // the last LSN of the last window that the store has
    Lsn safe_;
    std::uint64_t sent_records_ = 0;
    std::optional<SinkFailure> failure_;  // of the state file, until it is reported

    std::unique_ptr<metrics::Registry> own_metrics_;
    ArchiveCounts counts_;
};

// ---- cutting ------------------------------------------------------------------------------------

const WindowPlan* ArchiveSink::planned(Lsn first) const {
    const auto& windows = log_.windows();
    const auto found = std::find_if(windows.begin(), windows.end(), [first](const WindowPlan& w) {
        return w.first == first;
    });
    return found == windows.end() ? nullptr : &*found;
}

/// Where a window that begins at `first` has to end so that it does not run into one that was
/// closed before.
Lsn ArchiveSink::forced_end(Lsn first) const {
    Lsn end{~std::uint64_t{0}};
    for (const WindowPlan& w : log_.windows()) {
        if (w.first > first) end = std::min(end, Lsn{w.first.value - 1});
    }
    return end;
}

void ArchiveSink::open() {
    plan_ = planned(next_);
    window_.emplace(next_, plan_ ? plan_->settings : settings_, journal_, declared_);
    end_ = plan_ ? plan_->last : forced_end(next_);
    opened_ = 0;
}

/// The window is as large as it may get.
bool ArchiveSink::over() const {
    // One that was closed before may become as large as it was, and a little more.
    const std::uint64_t bytes = config_.bytes.value + (plan_ ? plan_->bytes : 0);
    const std::size_t partitions = plan_ ? std::size_t{config_.partitions} * 2 : config_.partitions;
    return window_->bytes() >= bytes || window_->partitions() > partitions;
}

bool ArchiveSink::due() const {
    if (!window_) return false;
    if (ended() || over()) return true;
    if (plan_ || window_->empty()) return false;
    return flushing_ || clock_.monotonic() - opened_ >= config_.age.count();
}

bool ArchiveSink::put(Lsn lsn, const RecordView& record) {
    if (failure_) return false;
    if (window_ && (over() || lsn > end_)) {
        if (shipment_) return false;
        last_ = std::max(last_, std::min(end_, Lsn{lsn.value - 1}));
        close();
        if (failure_) return false;
    }
    if (!window_) open();
    while (lsn > end_) {  // a window of before that holds nothing any more
        next_ = end_.next();
        open();
    }
    if (window_->empty()) opened_ = clock_.monotonic();
    window_->add(lsn, record);
    last_ = lsn;
    ++sent_records_;
    counts_.partitions.set(static_cast<double>(window_->partitions()));
    counts_.open_bytes.set(static_cast<double>(window_->bytes()));
    return true;
}

void ArchiveSink::skip(Lsn lsn) {
    last_ = lsn;
    settle_idle();
}

/// With nothing in the making and nothing on its way, what was skipped is safe. (But in the middle
/// of a window that was closed before, whose name says where it begins.)
void ArchiveSink::settle_idle() {
    if (window_ && window_->empty() && ended()) {
        next_ = end_.next();
        window_.reset();
    }
    if (window_ || shipment_ || last_ < next_) return;
    while (const WindowPlan* plan = planned(next_)) {
        if (last_ < plan->last) return open();
        next_ = plan->last.next();
    }
    safe_ = last_;
    next_ = last_.next();
}

/// Precondition: nothing on its way.
void ArchiveSink::close() {
    const bool whole = ended();
    const Lsn last = whole ? end_ : last_;
    Shipment shipment;
    shipment.again = plan_ && whole;
    shipment.plan = {window_->first(), last, 0, window_->settings()};
    counts_.evictions.add(window_->evictions());
    shipment.objects = window_->close(last);
    window_.reset();
    flushing_ = false;
    next_ = last.next();
    for (const ArchiveObject& object : shipment.objects)
        shipment.plan.bytes += object.bytes.size();
    if (plan_ && !whole)
        log::warn(
            "archive window is larger than it was, cutting it anew",
            {{"first", shipment.plan.first.value}}
        );
    if (!shipment.again && !shipment.objects.empty()) {
        const Status recorded = log_.add(shipment.plan);
        if (!recorded.ok()) {
            failure_ = SinkFailure{FailureClass::transient, recorded.error().message, std::nullopt};
            return;
        }
    }
    plan_ = nullptr;
    shipment_.emplace(std::move(shipment));
    counts_.partitions.set(0);
    counts_.open_bytes.set(0);
}

// ---- shipping -----------------------------------------------------------------------------------

/// Begins to ship the manifest. Precondition: nothing on its way.
void ArchiveSink::list() {
    const Manifest& manifest = manifests_.manifest();
    ArchiveObject object;
    object.name = manifest_name(settings_.prefix, manifest);
    object.bytes = encode(manifest);
    object.sha256 = hex(sha256(object.bytes));
    object.content_type = "application/json";
    Shipment shipment;
    shipment.manifest = true;
    shipment.again = true;
    shipment.objects.push_back(std::move(object));
    shipment_.emplace(std::move(shipment));
}

/// All of it is durable at the store.
Status ArchiveSink::shipped(Shipment& shipment) {
    if (shipment.manifest) {
        PS_CHECK(manifests_.follow({shipment.done[0].name, shipment.done[0].sha256}));
        if (replay_) safe_ = archived_;
        return {};
    }
    std::ranges::sort(shipment.done, {}, &ManifestEntry::name);
    PS_CHECK(manifests_.add(shipment.plan.last, std::move(shipment.done), clock_.wall()));
    archived_ = shipment.plan.last;
    // Of a replay nothing is left but what the store has: its manifest has to be there first.
    if (!replay_ || shipment.objects.empty()) safe_ = archived_;
    counts_.windows.add();
    return {};
}

void ArchiveSink::ship(SinkProgress& progress, Nanoseconds wait) {
    Shipment& shipment = *shipment_;
    while (shipment.begun < shipment.objects.size() && store_->room()) {
        store_->begin(shipment.objects[shipment.begun++], shipment.again);
    }
    StoreProgress news = store_->poll(wait);
    progress.sent_bytes += news.sent_bytes;
    counts_.objects.add(news.done.size());
    counts_.conflicts.add(news.conflicts);
    for (StoredObject& stored : news.done) {
        const ArchiveObject& object = *stored.object;
        const LsnRange range{shipment.plan.first, shipment.plan.last};
        counts_.object_bytes.add(object.bytes.size());
        shipment.done.push_back(
            {std::move(stored.name), range, object.records, object.bytes.size(), object.sha256}
        );
    }
    if (news.failure) {
        store_->cancel();
        progress.failure = std::move(news.failure);
        return;
    }
    if (shipment.done.size() < shipment.objects.size()) return;
    if (const Status noted = shipped(shipment); !noted.ok()) {
        progress.failure =
            SinkFailure{FailureClass::transient, noted.error().message, std::nullopt};
        return;
    }
    shipment_.reset();
    if (manifests_.due(clock_.wall())) return list();
    settle_idle();
}

SinkProgress ArchiveSink::poll(Nanoseconds wait) {
    SinkProgress progress;
    if (!shipment_ && manifests_.due(clock_.wall())) list();
    if (!shipment_ && due()) close();
    if (failure_) {
        progress.failure = std::exchange(failure_, std::nullopt);
    } else if (shipment_) {
        ship(progress, wait);
    }
    progress.safe = safe_;
    progress.sent_records = std::exchange(sent_records_, 0);
    progress.quiet_for = quiet_for();
    return progress;
}

Nanoseconds ArchiveSink::quiet_for() const {
    if (shipment_ || due()) return 0;
    if (!window_ || window_->empty() || plan_) return kIdle;
    return std::clamp<Nanoseconds>(
        opened_ + config_.age.count() - clock_.monotonic(), kMillisecond, kIdle
    );
}

void ArchiveSink::reset(Lsn safe) {
    store_->cancel();
    shipment_.reset();
    window_.reset();
    plan_ = nullptr;
    failure_.reset();
    flushing_ = false;
    manifests_.start(safe);
    next_ = safe.next();
    last_ = safe;
    safe_ = safe;
}

std::unique_ptr<Store> make_store(const ArchiveConfig& config, const SinkContext& context) {
    if (config.s3) return std::make_unique<S3Store>(*config.s3, *context.clock);
    // Its own temporary files beside those of the sink that it is a replay of.
    return std::make_unique<LocalStore>(
        config.local->directory,
        context.journal.text() + '-' + context.id + (context.replay ? "-replay" : "")
    );
}

}  // namespace

Result<std::unique_ptr<Sink>> make_archive_sink(
    const ArchiveConfig& config, const SinkContext& context
) {
    if (config.local.has_value() == config.s3.has_value()) {
        return Error{Errc::invalid_argument, "an archive needs one store: local or s3"};
    }
    if (config.s3) {
        if (auto endpoint = Url::parse(config.s3->endpoint); !endpoint.ok())
            return std::move(endpoint).error();
    }
    PS_TRY(WindowLog log, WindowLog::open(context.state_dir, context.journal));
    PS_TRY(
        ManifestLog manifests,
        ManifestLog::open(context.state_dir, {context.journal, context.id, context.replay})
    );
    return std::unique_ptr<Sink>(std::make_unique<ArchiveSink>(
        config, context, std::move(log), std::move(manifests), make_store(config, context)
    ));
}

SinkKind archive_kind() {
    return sink_kind<ArchiveConfig>(
        "archive",
        "Compressed objects by stream and event hour, in a local folder or an S3-compatible "
        "bucket.",
        &make_archive_sink
    );
}

}  // namespace penstock::sinks
