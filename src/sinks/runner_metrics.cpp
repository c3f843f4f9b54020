#include "sinks/runner_metrics.h"

namespace penstock::sinks {

std::string_view name(ErrorClass error) noexcept {
    switch (error) {
        case ErrorClass::transient:
            return "transient";
        case ErrorClass::throttled:
            return "throttled";
        case ErrorClass::credentials:
            return "credentials";
        case ErrorClass::configuration:
            return "configuration";
        case ErrorClass::journal:
            return "journal";
        case ErrorClass::cursor:
            return "cursor";
        case ErrorClass::quarantine:
            return "quarantine";
        case ErrorClass::internal:
            return "internal";
    }
    return "unknown";
}

ErrorClass error_class(FailureClass failure) noexcept {
    switch (failure) {
        case FailureClass::transient:
            return ErrorClass::transient;
        case FailureClass::throttled:
            return ErrorClass::throttled;
        case FailureClass::credentials:
            return ErrorClass::credentials;
        case FailureClass::configuration:
            return ErrorClass::configuration;
    }
    return ErrorClass::internal;
}

LedgerCounters::LedgerCounters(metrics::Registry& r, const std::string& sink)
    : confirmed_(r.counter(
          "penstock_sink_confirmed_records_total",
          "Records that the far side confirmed and that settled, each counted once.",
          {{"sink", sink}}
      )),
      quarantined_(r.counter(
          "penstock_sink_quarantined_records_total",
          "Records that the far side refused for good; a copy is in the quarantine store.",
          {{"sink", sink}}
      )),
      filtered_(r.counter(
          "penstock_sink_filtered_records_total",
          "Records that are not for this sink.",
          {{"sink", sink}}
      )),
      expired_(r.counter(
          "penstock_sink_expired_records_total",
          "Records that left the journal before this sink could deliver them.",
          {{"sink", sink}}
      )),
      corrupt_(r.counter(
          "penstock_sink_corrupt_records_total",
          "Records lost in the journal, accepted as lost by the operator.",
          {{"sink", sink}}
      )),
      skipped_(r.counter(
          "penstock_sink_skipped_lsns_total",
          "Sequence numbers that never were a record.",
          {{"sink", sink}}
      )) {}

void LedgerCounters::add(const Tally& tally) noexcept {
    confirmed_.add(tally.confirmed);
    quarantined_.add(tally.refused);
    filtered_.add(tally.filtered);
    expired_.add(tally.expired);
    corrupt_.add(tally.corrupt);
    skipped_.add(tally.skipped);
    records_ += tally.records();
}

RunnerMetrics::RunnerMetrics(metrics::Registry& r, const std::string& sink)
    : sent_records(r.counter(
          "penstock_sink_sent_records_total",
          "Records handed to the far side's transport, every try counted.",
          {{"sink", sink}}
      )),
      sent_bytes(r.counter(
          "penstock_sink_sent_bytes_total",
          "Bytes handed to the far side's transport, every try counted.",
          {{"sink", sink}}
      )),
      ledger(r, sink),
      retries(r.counter(
          "penstock_sink_retries_total",
          "Times the sink started again behind its last safe record.",
          {{"sink", sink}}
      )),
      lag_records(r.gauge(
          "penstock_sink_lag_records",
          "Durable records that this sink has not settled yet.",
          {{"sink", sink}}
      )),
      lag_seconds(r.gauge(
          "penstock_sink_lag_seconds",
          "Age of the oldest record that this sink has not settled yet.",
          {{"sink", sink}}
      )),
      base_lsn(r.gauge(
          "penstock_sink_base_lsn",
          "Where this sink's counters begin: its cursor at the start.",
          {{"sink", sink}}
      )),
      durable_lsn(r.gauge(
          "penstock_sink_durable_lsn",
          "The newest durable LSN when this sink's ledger was drawn up.",
          {{"sink", sink}}
      )),
      cursor_lsn(r.gauge(
          "penstock_sink_cursor_lsn",
          "The saved cursor: everything up to it is delivered or in quarantine.",
          {{"sink", sink}}
      )),
      state(r.gauge(
          "penstock_sink_state",
          "0 starting, 1 running, 2 backing off, 3 alarm, 4 holding, 5 stopped.",
          {{"sink", sink}}
      )) {
    for (std::size_t i = 0; i < kErrorClasses; ++i) {
        errors[i] = &r.counter(
            "penstock_sink_errors_total",
            "Failures, by class.",
            {{"sink", sink}, {"class", std::string(name(static_cast<ErrorClass>(i)))}}
        );
    }
}

void RunnerMetrics::retire() noexcept {
    base_lsn.set(-static_cast<double>(ledger.records()));
    for (metrics::Gauge* gauge : {&lag_records, &lag_seconds, &durable_lsn, &cursor_lsn, &state})
        gauge->set(0);
}

}  // namespace penstock::sinks
