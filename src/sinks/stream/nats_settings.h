#pragma once

#include "penstock/sink.h"
#include "sinks/stream/nats_config.h"

#include <nats/nats.h>

#include <cstdint>
#include <memory>
#include <optional>

namespace penstock::sinks {

/// Destroys an object of the library by the library's function for it.
template <auto Destroy>
struct NatsDelete {
    template <class T>
    void operator()(T* object) const noexcept {
        Destroy(object);
    }
};
/// The library's own form of settings.
using NatsOptions = std::unique_ptr<natsOptions, NatsDelete<natsOptions_Destroy>>;

/// What the library calls, on its threads, with `closure`.
struct NatsCallbacks {
    natsConnectionHandler closed = nullptr;
    natsErrHandler error = nullptr;
    void* closure = nullptr;
};

/// Settings of one connection that is never made again by itself. Null: the library refuses one,
/// and `why` says which, in its words.
[[nodiscard]] NatsOptions nats_options(
    const NatsConfig& config, const NatsCallbacks& callbacks, SinkFailure& why
);

/// Sees that the stream of the settings is there, or makes it (`create_stream`). Waits as long as
/// `js` does. Returns why it cannot be used; nothing when it can.
[[nodiscard]] std::optional<SinkFailure> open_nats_stream(jsCtx& js, const NatsConfig& config);

/// For time-outs of the library: at least 1.
[[nodiscard]] std::int64_t nats_milliseconds(Duration span);

}  // namespace penstock::sinks
