#include "base/metrics.h"

#include "base/metric_family.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <optional>

namespace penstock::metrics {

namespace {

constexpr std::size_t kCellsMax = 4096;  // a family

bool is_name(std::string_view text) noexcept {
    if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

/// Help is written to the text format as it is.
bool is_help(std::string_view text) noexcept {
    return !text.empty() && text.find_first_of("\n\r\\") == std::string_view::npos;
}

[[noreturn]] void misuse(std::string_view name, const char* what) {
    std::fprintf(stderr, "metric %.*s: %s\n", static_cast<int>(name.size()), name.data(), what);
    std::abort();
}

Labels sorted(Labels labels) {
    std::sort(labels.begin(), labels.end());
    return labels;
}

std::vector<std::string> names_of(const Labels& labels) {
    std::vector<std::string> names;
    for (const auto& [label, value] : labels)
        names.push_back(label);
    return names;
}

}  // namespace

std::string_view name(Type type) noexcept {
    switch (type) {
        case Type::counter:
            return "counter";
        case Type::gauge:
            return "gauge";
        case Type::histogram:
            break;
    }
    return "histogram";
}

struct Registry::State {
    std::mutex moment;  // taken before `mutex`: held by whoever sets or reads figures that belong
                        // together
    mutable std::mutex mutex;  // guards all below; taken when parts are built and at a scrape,
                               // never on the data path
    std::map<std::string, Family, std::less<>> families;
    std::deque<Counter> counters;
    std::deque<Gauge> gauges;
    std::deque<Histogram> histograms;
    std::uint64_t next_id = 0;
    std::uint64_t unexported = 0;

    Family& family(
        Type type,
        std::string_view name,
        std::string_view help,
        std::vector<std::string> label_names
    ) {
        std::sort(label_names.begin(), label_names.end());
        const auto found = families.find(name);
        if (found != families.end()) {
            const FamilyInfo& info = found->second.info;
            if (info.type != type) misuse(name, "registered before with another type");
            if (info.help != help) misuse(name, "registered before with another help text");
            if (info.label_names != label_names)
                misuse(name, "registered before with other labels");
            return found->second;
        }
        if (!is_name(name)) misuse(name, "not a metric name");
        if (!is_help(help)) misuse(name, "needs a help text of one line");
        for (const std::string& label : label_names) {
            if (!is_name(label) || label == "le") misuse(name, "not a label name");
        }
        Family& made = families[std::string(name)];
        made.info = {std::string(name), type, std::string(help), std::move(label_names)};
        return made;
    }

    /// The series that a new cell belongs to, or null when the family is full.
    Series* series(Family& family, const Labels& labels) {
        if (!family.groups.empty()) misuse(family.info.name, "has a group, and cannot have cells");
        if (family.cells == kCellsMax) {
            ++unexported;
            return nullptr;
        }
        ++family.cells;
        return &family.series[sorted(labels)];
    }

    std::optional<std::uint64_t> add_callback(
        Type type,
        std::string_view name,
        std::string_view help,
        const Labels& labels,
        std::function<double()> read
    ) {
        const std::lock_guard lock(mutex);
        Series* place = series(family(type, name, help, names_of(labels)), labels);
        if (!place) return std::nullopt;
        place->callbacks.emplace(next_id, std::move(read));
        return next_id++;
    }

    void remove_callback(const std::string& name, const Labels& labels, std::uint64_t id) {
        const std::lock_guard lock(mutex);
        Family& home = families.find(name)->second;
        const auto place = home.series.find(labels);
        place->second.callbacks.erase(id);
        --home.cells;
        if (place->second.empty()) home.series.erase(place);
    }

    static Registration registration(
        const std::shared_ptr<State>& state,
        Type type,
        std::string_view name,
        std::string_view help,
        const Labels& labels,
        std::function<double()> read
    ) {
        const auto id = state->add_callback(type, name, help, labels, std::move(read));
        if (!id) return {};
        return Registration([weak = std::weak_ptr<State>(state),
                             home = std::string(name),
                             key = sorted(labels),
                             number = *id] {
            if (const auto alive = weak.lock()) alive->remove_callback(home, key, number);
        });
    }

    [[nodiscard]] const Series* find(std::string_view name, const Labels& labels) const {
        const auto home = families.find(name);
        if (home == families.end()) return nullptr;
        const auto place = home->second.series.find(sorted(labels));
        return place == home->second.series.end() ? nullptr : &place->second;
    }
};

Registry::Registry() : state_(std::make_shared<State>()) {
    // Called under the state's lock, as all callbacks are.
    export_gauge(
        "penstock_metrics_unexported_cells",
        "Metric cells that are counted but not shown because their family is full.",
        {},
        [state = state_.get()] { return static_cast<double>(state->unexported); }
    );
}

Registry::~Registry() = default;

Counter& Registry::counter(std::string_view name, std::string_view help, const Labels& labels) {
    const std::lock_guard lock(state_->mutex);
    Series* series =
        state_->series(state_->family(Type::counter, name, help, names_of(labels)), labels);
    Counter& cell = state_->counters.emplace_back();
    if (series) series->counters.push_back(&cell);
    return cell;
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, const Labels& labels) {
    const std::lock_guard lock(state_->mutex);
    Series* series =
        state_->series(state_->family(Type::gauge, name, help, names_of(labels)), labels);
    Gauge& cell = state_->gauges.emplace_back();
    if (series) series->gauges.push_back(&cell);
    return cell;
}

Histogram& Registry::histogram(
    std::string_view name, std::string_view help, const Labels& labels, Scale scale
) {
    const std::lock_guard lock(state_->mutex);
    Family& family = state_->family(Type::histogram, name, help, names_of(labels));
    if (family.cells > 0 && family.scale != scale)
        misuse(name, "registered before with another scale");
    family.scale = scale;
    Series* series = state_->series(family, labels);
    Histogram& cell = state_->histograms.emplace_back(scale);
    if (series) series->histograms.push_back(&cell);
    return cell;
}

Registration Registry::counter_fn(
    std::string_view name, std::string_view help, const Labels& labels, std::function<double()> read
) {
    return State::registration(state_, Type::counter, name, help, labels, std::move(read));
}

Registration Registry::gauge_fn(
    std::string_view name, std::string_view help, const Labels& labels, std::function<double()> read
) {
    return State::registration(state_, Type::gauge, name, help, labels, std::move(read));
}

Registration Registry::gauges_fn(
    std::string_view name,
    std::string_view help,
    const std::vector<std::string>& label_names,
    std::function<void(const ShowSeries&)> read
) {
    const std::lock_guard lock(state_->mutex);
    Family& home = state_->family(Type::gauge, name, help, label_names);
    if (!home.series.empty()) misuse(name, "has cells, and cannot have a group");
    const auto id = state_->next_id++;
    home.groups.emplace(id, Group{label_names, std::move(read)});
    return Registration([weak = std::weak_ptr<State>(state_), key = std::string(name), id] {
        const auto alive = weak.lock();
        if (!alive) return;
        const std::lock_guard held(alive->mutex);
        alive->families.find(key)->second.groups.erase(id);
    });
}

void Registry::export_counter(
    std::string_view name, std::string_view help, const Labels& labels, std::function<double()> read
) {
    state_->add_callback(Type::counter, name, help, labels, std::move(read));
}

void Registry::export_gauge(
    std::string_view name, std::string_view help, const Labels& labels, std::function<double()> read
) {
    state_->add_callback(Type::gauge, name, help, labels, std::move(read));
}

void Registry::declare(
    Type type,
    std::string_view name,
    std::string_view help,
    const std::vector<std::string>& label_names
) {
    const std::lock_guard lock(state_->mutex);
    state_->family(type, name, help, label_names);
}

std::unique_lock<std::mutex> Registry::together() const {
    return std::unique_lock(state_->moment);
}

std::string Registry::scrape() const {
    std::vector<prometheus::MetricFamily> collected;
    {
        const std::lock_guard moment(state_->moment);
        const std::lock_guard lock(state_->mutex);
        for (const auto& [name, family] : state_->families) {
            prometheus::MetricFamily made = collect(family);
            if (!made.metric.empty()) collected.push_back(std::move(made));
        }
    }
    return prometheus::TextSerializer().Serialize(collected);
}

std::vector<FamilyInfo> Registry::families() const {
    const std::lock_guard lock(state_->mutex);
    std::vector<FamilyInfo> list;
    for (const auto& [name, family] : state_->families)
        list.push_back(family.info);
    return list;
}

double Registry::value(std::string_view name, const Labels& labels) const {
    const std::lock_guard lock(state_->mutex);
    const Series* series = state_->find(name, labels);
    return series ? series->value() : 0;
}

Distribution Registry::distribution(std::string_view name, const Labels& labels) const {
    const std::lock_guard lock(state_->mutex);
    const Series* series = state_->find(name, labels);
    return series ? series->distribution() : Distribution{};
}

std::string reference(const Registry& registry) {
    std::string out = "| Name | Type | Labels | What it says |\n|---|---|---|---|\n";
    for (const FamilyInfo& family : registry.families()) {
        out += "| `" + family.name + "` | ";
        out += name(family.type);
        out += " | ";
        for (const std::string& label : family.label_names) {
            if (&label != family.label_names.data()) out += ", ";
            out += '`' + label + '`';
        }
        out += " | " + family.help + " |\n";
    }
    return out;
}

}  // namespace penstock::metrics
