// From a message to an encoded and scored record. Beside the walk over the payload the two ways
// that simdjson offers to check all of a document.
#include "inspect/inspector.h"
#include "inspect/score/device_table.h"
#include "inspect/score/level_detector.h"
#include "sample.h"
#include "stage.h"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::stages {
namespace {

using namespace inspect;

/// The payloads one after the other, for ever.
class Feed {
public:
    [[nodiscard]] std::string_view next() { return payloads()[at_++ % payloads().size()].view(); }

private:
    std::size_t at_ = 0;
};

struct Bench {
    std::unique_ptr<const Inspector> inspector = make_inspector();
    Workspace workspace{inspector->max_fields()};
    Feed feed;
    std::vector<std::byte> out = std::vector<std::byte>(8192);

    Examined examine() {
        Examined examined = inspector->examine(message_of(feed.next()), workspace);
        if (examined.outcome != Examined::Outcome::accepted)
            throw std::runtime_error("not accepted");
        return examined;
    }
};

Step examine() {
    return [bench = std::make_shared<Bench>()] { used(bench->examine()); };
}

/// One record again and again: the views of an examined one die with the next.
Step encode_record() {
    auto bench = std::make_shared<Bench>();
    return [bench, examined = bench->examine()] { used(encode(examined.record, bench->out)); };
}

struct Walk {
    NameTable names{1};
    JsonWalk walk{1024};
    Forms forms;
    FieldIndex index{1024};
    Fault fault;
    Walk() {
        for (const char* name : {"deviceId", "timestamp", "heartRate", "steps"})
            names.add(name);
    }
    void run(std::string_view payload) {
        if (!walk.run(payload, names, forms, index, fault)) throw std::runtime_error("not taken");
        used(index.entries());
    }
};

Step walk_known_form() {
    return [walk = std::make_shared<Walk>(), feed = Feed()]() mutable { walk->run(feed.next()); };
}

/// Payloads that take turns in more forms than are remembered.
Step walk_new_form() {
    std::vector<Padded> texts;
    for (std::size_t i = 0; i < 64; ++i) {
        std::string text(payloads()[i].view());
        text.replace(text.find("lon"), 3, std::to_string(100 + i));
        texts.emplace_back(text);
    }
    return [walk = std::make_shared<Walk>(), texts, at = std::size_t{0}]() mutable {
        walk->run(texts[at++ % texts.size()].view());
    };
}

Step dom() {
    return [parser = std::make_shared<simdjson::dom::parser>(), feed = Feed()]() mutable {
        const std::string_view payload = feed.next();
        simdjson::dom::element element;
        if (parser->parse(payload.data(), payload.size(), false).get(element) != simdjson::SUCCESS)
            throw std::runtime_error("not taken");
        used(element);
    };
}

double as_number(simdjson::ondemand::value value) {
    switch (value.type().value_unsafe()) {
        case simdjson::ondemand::json_type::number:
            return value.get_double().value_unsafe();
        case simdjson::ondemand::json_type::string:
            return static_cast<double>(value.get_string().value_unsafe().size());
        case simdjson::ondemand::json_type::boolean:
            return value.get_bool().value_unsafe() ? 1 : 0;
        default:
            return 0;
    }
}

/// Every value of a flat object, as it must be looked at for the whole document to be checked.
Step on_demand() {
    return [parser = std::make_shared<simdjson::ondemand::parser>(), feed = Feed()]() mutable {
        const std::string_view payload = feed.next();
        auto document =
            parser->iterate(payload.data(), payload.size(), payload.size() + kPayloadPadding);
        double sum = 0;
        for (auto field : document.get_object()) {
            sum += static_cast<double>(field.unescaped_key().value_unsafe().size());
            sum += as_number(field.value().value_unsafe());
        }
        used(sum);
    };
}

/// simdjson's first stage alone: what a walk over its index would have to add its own work to.
Step stage_one() {
    auto parser = std::make_shared<simdjson::dom::parser>();
    if (parser->allocate(4096) != simdjson::SUCCESS) throw std::runtime_error("no memory");
    return [parser, feed = Feed()]() mutable {
        const std::string_view payload = feed.next();
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(payload.data());
        if (parser->implementation->stage1(bytes, payload.size(), simdjson::stage1_mode::regular) !=
            simdjson::SUCCESS)
            throw std::runtime_error("not taken");
    };
}

/// Four metrics of devices in random order, which are prefetched as the shard does.
class Scoring {
public:
    explicit Scoring(std::size_t devices) {
        Workspace workspace(inspector_->max_fields());
        const auto examined = inspector_->examine(message_of(payloads().front().view()), workspace);
        values_.assign(examined.metrics.begin(), examined.metrics.end());
        for (std::size_t i = 0; i < devices; ++i) {
            ids_.push_back("device-" + std::to_string(i));
            hashes_.push_back(device_hash(ids_.back()));
        }
        for (int round = 0; round < 40; ++round) {
            for (std::size_t i = 0; i < devices; ++i)
                hear(i);
        }
        std::uint64_t random = 88'172'645'463'325'252U;
        for (std::size_t& i : order_) {
            random ^= random << 13U;
            random ^= random >> 7U;
            random ^= random << 17U;
            i = random % devices;
        }
    }
    void next() {
        table_.prefetch_place(hashes_[ahead(32)]);
        table_.prefetch_state(hashes_[ahead(16)]);
        hear(ahead(0));
        ++at_;
    }

private:
    void hear(std::size_t i) {
        for (Metric& metric : values_)
            metric.value += (position_ & 1U) != 0 ? 0.25 : -0.25;
        used(table_.score(hashes_[i], ids_[i], 0, values_, ++position_));
    }
    [[nodiscard]] std::size_t ahead(std::size_t n) const {
        return order_[(at_ + n) % order_.size()];
    }

    std::unique_ptr<const Inspector> inspector_ = make_inspector();
    LevelDetector detector_;
    DeviceTable table_{inspector_->metrics(), detector_, std::size_t{4} << 30U};
    std::vector<std::string> ids_;
    std::vector<std::uint64_t> hashes_;
    std::vector<std::size_t> order_ = std::vector<std::size_t>(1U << 16U);
    std::vector<Metric> values_;
    std::uint64_t position_ = 0;
    std::size_t at_ = 0;
};

Step score(std::size_t devices) {
    return [scoring = std::make_shared<Scoring>(devices)] { scoring->next(); };
}

}  // namespace

std::vector<Stage> inspect_stages() {
    constexpr auto kByTime = Stage::Judged::by_time;
    return {
        {"inspect/examine", 1, examine},
        {"inspect/walk", 1, walk_known_form},
        {"inspect/walk_new_form", 1, walk_new_form},
        {"inspect/encode", 1, encode_record},
        {"inspect/score_1k_devices", 1, [] { return score(1'000); }},
        {"inspect/score_100k_devices", 1, [] { return score(100'000); }, kByTime},
        {"simdjson/dom", 1, dom, kByTime},
        {"simdjson/on_demand", 1, on_demand, kByTime},
        {"simdjson/stage_one", 1, stage_one, kByTime},
    };
}

}  // namespace penstock::stages
