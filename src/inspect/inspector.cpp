#include "inspect/inspector.h"

#include "inspect/examination.h"

#include <algorithm>
#include <optional>

namespace penstock::inspect {

Inspector::Inspector(const Config& config) noexcept
    : max_fields_(config.payload.max_fields),
      max_size_(config.payload.max_size.value),
      refuse_unrouted_(config.unrouted == OnInvalid::refuse) {}

Result<std::unique_ptr<const Inspector>> Inspector::create(
    const Config& config, std::uint64_t seed
) {
    config::Problems problems;
    std::unique_ptr<Inspector> made(new Inspector(config));
    made->streams_ = compile_streams(config, problems, seed);
    if (!problems.ok()) return Error{Errc::invalid_argument, problems.text()};
    for (std::uint16_t i = 0; const Stream& stream : made->streams_) {
        made->by_name_.emplace(stream.name, i);
        for (const std::string& filter : config.streams.find(stream.name)->topics)
            made->router_.add(filter, i);
        for (const ScoredField& scored : stream.scored) {
            MetricCatalogue::Entry entry;
            entry.stream = stream.name;
            entry.field = stream.names.name(scored.slot);
            entry.key = device_hash(stream.name + '\0' + entry.field);
            entry.derived = scored.derived;
            entry.window = stream.scoring.window;
            entry.warm_up = stream.scoring.warm_up;
            made->metrics_.metrics.push_back(std::move(entry));
        }
        ++i;
    }
    return std::unique_ptr<const Inspector>(std::move(made));
}

const Stream* Inspector::route(const Message& message, Workspace& workspace) const {
    if (message.stream.empty()) {
        if (message.topic.empty()) return nullptr;
        if (message.topic != workspace.last_topic) {
            workspace.last_topic = message.topic;
            workspace.last_stream = router_.find(message.topic);
        }
        const std::uint16_t found = workspace.last_stream;
        return found == Router::kNone ? nullptr : &streams_[found];
    }
    const auto found = by_name_.find(message.stream);
    return found == by_name_.end() ? nullptr : &streams_[found->second];
}

void Inspector::unrouted(const Message& message, Workspace& workspace, Examined& examined) const {
    const bool by_topic = message.stream.empty();
    workspace.fault.begin(Refusal::unrouted);
    workspace.fault.say(by_topic ? "no stream takes the topic " : "there is no stream ");
    workspace.fault.quote(by_topic ? message.topic : message.stream);
    Examination(message, workspace, examined).unrouted(refuse_unrouted_);
}

Examined Inspector::examine(const Message& message, Workspace& workspace) const {
    Examined examined;
    if (const Stream* const stream = route(message, workspace)) {
        Examination(message, workspace, examined).run(*stream, max_size_);
    } else {
        unrouted(message, workspace, examined);
    }
    return examined;
}

}  // namespace penstock::inspect
