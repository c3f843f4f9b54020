#include "sinks/sql/postgres_sink.h"

#include "sinks/series/sift.h"
#include "sinks/sql/postgres_copy.h"
#include "sinks/sql/postgres_link.h"
#include "sinks/sql/postgres_sql.h"
#include "sinks/sql/postgres_table.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks {
namespace {

/// Before each row of a batch stands the number of its table.
using TableNumber = std::uint16_t;

/// A table that a record waits for, and how far its preparation has come.
struct Preparation {
    enum class Step : std::uint8_t { describe, extension, create, stage };
    std::string name;
    std::vector<std::string> streams;  // whose fields it takes when it is made
    Step step = Step::describe;
    bool created = false;
    std::optional<PostgresTable> table;
};

class PostgresSink final : public Sink {
public:
    PostgresSink(const PostgresConfig& config, const SinkContext& context, NameTemplate table)
        : config_(config), context_(context), clock_(*context.clock), name_(std::move(table)) {}

    [[nodiscard]] bool put(Lsn lsn, const RecordView& record) override;
    void skip(Lsn lsn) override;
    void flush() override { flushing_ = !filling_.lines.empty(); }
    [[nodiscard]] SinkProgress poll(Nanoseconds wait) override;
    void reset(Lsn safe) override;
    [[nodiscard]] Status probe(Nanoseconds bound) override;

private:
    [[nodiscard]] bool full() const noexcept {
        return filling_.lines.size() >= config_.batch_records ||
               filling_.body.size() >= config_.batch_size.value;
    }
    [[nodiscard]] bool due() const noexcept;
    [[nodiscard]] bool known(const RecordView& record, TableNumber& table);
    void refuse(Lsn lsn, std::string reason);
    void advance(SinkProgress& progress);
    void prepare();
    void prepared(PostgresAnswer answer, SinkProgress& progress);
    void described(const PostgresAnswer& answer, SinkProgress& progress);
    void send_part();
    void written(const PostgresAnswer& answer, SinkProgress& progress);
    void fail(SinkFailure failure, SinkProgress& progress);
    [[nodiscard]] Nanoseconds quiet_for() const noexcept;

    const PostgresConfig config_;
    const SinkContext context_;
    const Clock& clock_;
    const NameTemplate name_;

    std::optional<PostgresLink> link_;
    std::vector<PostgresTable> tables_;
    std::map<std::string, TableNumber, std::less<>> numbers_;
    std::optional<Preparation> preparing_;

    LineBatch filling_;
    bool flushing_ = false;
    std::optional<Sift> sending_;
    bool waiting_ = false;  // for an answer
    Lsn safe_;
    bool failed_ = false;
    std::vector<RefusedRecord> refused_;
    std::uint64_t sent_records_ = 0;
    std::uint64_t sent_bytes_ = 0;
    std::string scratch_;
};

bool PostgresSink::due() const noexcept {
    if (filling_.lines.empty()) return false;
    return flushing_ || preparing_ || full() ||
           clock_.monotonic() - filling_.opened >= config_.batch_age.count();
}

/// Whether the record's table has been looked at; else it will be.
bool PostgresSink::known(const RecordView& record, TableNumber& table) {
    const std::string_view name = name_.of(record, scratch_);
    if (const auto found = numbers_.find(name); found != numbers_.end()) {
        table = found->second;
        return true;
    }
    if (preparing_) return false;
    preparing_.emplace();
    preparing_->name = name;
    preparing_->streams = config_.streams;
    if (config_.table.find("{stream}") != std::string::npos) {
        preparing_->streams = {std::string(record.stream())};
    }
    return false;
}

void PostgresSink::refuse(Lsn lsn, std::string reason) {
    refused_.push_back({lsn, std::move(reason)});
    skip(lsn);
}

bool PostgresSink::put(Lsn lsn, const RecordView& record) {
    TableNumber table = 0;
    if (failed_ || full() || !known(record, table)) return false;
    const std::size_t begin = filling_.body.size();
    filling_.body.append(reinterpret_cast<const char*>(&table), sizeof table);
    const Status row = tables_[table].append_row(lsn, record, filling_.body);
    const std::size_t size = filling_.body.size() - begin;
    if (!row.ok() || size > config_.record_max.value) {
        filling_.body.resize(begin);
        refuse(lsn, row.ok() ? "larger than record_max" : row.error().message);
        return true;
    }
    if (filling_.lines.empty()) filling_.opened = clock_.monotonic();
    filling_.lines.push_back({lsn, begin, size, record.event_time()});
    filling_.last = lsn;
    return true;
}

void PostgresSink::skip(Lsn lsn) {
    filling_.last = lsn;
    if (filling_.lines.empty() && !sending_) safe_ = lsn;
}

/// Begins what comes next when nothing is under way.
void PostgresSink::advance(SinkProgress& progress) {
    if (failed_ || waiting_ || !link_ || !link_->ready()) return;
    if (sending_) return send_part();
    if (due()) {
        const Lsn last = filling_.last;
        sending_.emplace(std::exchange(filling_, LineBatch{}));
        filling_.last = last;
        flushing_ = false;
        return send_part();
    }
    if (!preparing_) return;
    if (tables_.size() < kPostgresTablesMax) return prepare();
    fail({FailureClass::configuration, "'table' stands for too many tables", {}, false}, progress);
}

void PostgresSink::prepare() {
    const auto sql = [this]() -> std::string {
        switch (preparing_->step) {
            case Preparation::Step::describe:
                return describe_sql(preparing_->name);
            case Preparation::Step::extension:
                return "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'";
            case Preparation::Step::create:
            case Preparation::Step::stage:
                break;
        }
        return preparing_->table->stage_sql();
    };
    link_->run(sql());
    waiting_ = true;
}

void PostgresSink::prepared(PostgresAnswer answer, SinkProgress& progress) {
    using Step = Preparation::Step;
    if (answer.error) {
        SinkFailure failure = postgres_failure(*answer.error);
        // Somebody else made the same table at the same moment.
        if (preparing_->step == Step::create && blames_record(*answer.error))
            failure.kind = FailureClass::transient;
        return fail(std::move(failure), progress);
    }
    switch (preparing_->step) {
        case Step::describe:
            return described(answer, progress);
        case Step::extension: {
            preparing_->step = Step::create;
            const auto fields = context_.declared_fields
                                    ? context_.declared_fields(preparing_->streams)
                                    : std::vector<DeclaredField>{};
            link_->run(create_sql(preparing_->name, config_, fields, !answer.rows.empty()));
            waiting_ = true;
            return;
        }
        case Step::create:
            preparing_->created = true;
            preparing_->step = Step::describe;
            return;
        case Step::stage:
            numbers_.emplace(preparing_->name, static_cast<TableNumber>(tables_.size()));
            tables_.push_back(*std::move(preparing_->table));
            preparing_.reset();
    }
}

void PostgresSink::described(const PostgresAnswer& answer, SinkProgress& progress) {
    if (answer.rows.empty() && config_.create_table && !preparing_->created) {
        preparing_->step = Preparation::Step::extension;
        return;
    }
    auto table =
        PostgresTable::of(preparing_->name, answer.rows, config_, context_.journal, tables_.size());
    if (!table.ok()) {
        return fail({FailureClass::configuration, table.error().message, {}, false}, progress);
    }
    preparing_->table = *std::move(table);
    preparing_->step = Preparation::Step::stage;
}

/// Sends what the sift wants next: for each table the rows of it, in order, all as one transaction.
void PostgresSink::send_part() {
    std::map<TableNumber, std::string> copies;
    const std::string_view body = sending_->body();
    std::size_t at = 0;
    for (std::size_t i = 0; i < sending_->lines(); ++i) {
        const std::string_view row = body.substr(at, sending_->size(i));
        at += row.size();
        TableNumber table = 0;
        std::memcpy(&table, row.data(), sizeof table);
        std::string& rows = copies[table];
        if (rows.empty()) rows = copy::header();
        rows += row.substr(sizeof table);
    }
    std::string sql;
    std::vector<std::string> data;
    for (auto& [table, rows] : copies) {
        rows += copy::trailer();
        sql += (sql.empty() ? "" : "; ") + tables_[table].write_sql();
        sent_bytes_ += rows.size();
        data.push_back(std::move(rows));
    }
    sent_records_ += sending_->lines();
    link_->run(sql, std::move(data));
    waiting_ = true;
}

void PostgresSink::written(const PostgresAnswer& answer, SinkProgress& progress) {
    if (answer.error && !blames_record(*answer.error)) {
        return fail(postgres_failure(*answer.error), progress);
    }
    if (answer.error) {
        WriteAnswer complaint;
        complaint.verdict = WriteVerdict::bad_records;
        complaint.reason = postgres_failure(*answer.error).message;
        for (RefusedRecord& record : sending_->complained(complaint))
            refused_.push_back(std::move(record));
    } else {
        sending_->confirmed();
    }
    if (!sending_->done()) return;
    safe_ = sending_->last();
    sending_.reset();
    if (filling_.lines.empty()) safe_ = std::max(safe_, filling_.last);
}

SinkProgress PostgresSink::poll(Nanoseconds wait) {
    SinkProgress progress;
    advance(progress);
    const bool idle = !waiting_ && link_ && link_->ready();
    if (link_ && !idle && !failed_) {
        if (auto answer = link_->poll(wait)) {
            waiting_ = false;
            sending_ ? written(*answer, progress) : prepared(*std::move(answer), progress);
        }
        if (link_->failure()) fail(*link_->failure(), progress);
    }
    advance(progress);
    progress.safe = safe_;
    progress.refused = std::exchange(refused_, {});
    progress.sent_records = std::exchange(sent_records_, 0);
    progress.sent_bytes = std::exchange(sent_bytes_, 0);
    progress.quiet_for = quiet_for();
    return progress;
}

Nanoseconds PostgresSink::quiet_for() const noexcept {
    if (waiting_ || preparing_ || !link_ || !link_->ready()) return 0;
    if (filling_.lines.empty()) return kSecond;
    const Nanoseconds due_at = filling_.opened + config_.batch_age.count();
    return std::clamp<Nanoseconds>(due_at - clock_.monotonic(), kMillisecond, kSecond);
}

void PostgresSink::fail(SinkFailure failure, SinkProgress& progress) {
    if (failed_) return;
    failed_ = true;
    progress.failure = std::move(failure);
}

void PostgresSink::reset(Lsn safe) {
    link_.emplace(config_.connection, clock_);
    tables_.clear();
    numbers_.clear();
    preparing_.reset();
    filling_ = LineBatch{};
    filling_.last = safe;
    flushing_ = false;
    sending_.reset();
    waiting_ = false;
    refused_.clear();
    safe_ = safe;
    failed_ = false;
}

/// Logs in, and looks at the table where its name does not depend on the record.
Status PostgresSink::probe(Nanoseconds bound) {
    PostgresLink link(config_.connection, clock_);
    const Nanoseconds end = clock_.monotonic() + bound;
    const auto turn = [&]() -> std::optional<PostgresAnswer> {
        return link.poll(std::max<Nanoseconds>(end - clock_.monotonic(), 0));
    };
    while (!link.ready() && !link.failure()) {
        if (clock_.monotonic() >= end) return Error{Errc::timed_out, "the server does not answer"};
        static_cast<void>(turn());
    }
    std::optional<PostgresAnswer> answer;
    if (link.ready() && name_.constant()) link.run(describe_sql(config_.table));
    while (name_.constant() && !answer && !link.failure()) {
        if (clock_.monotonic() >= end) return Error{Errc::timed_out, "the server does not answer"};
        answer = turn();
    }
    if (const auto& failure = link.failure()) {
        const bool denied = failure->kind == FailureClass::credentials;
        return Error{denied ? Errc::denied : Errc::unavailable, failure->message};
    }
    if (!answer) return {};
    if (answer->error) return Error{Errc::unavailable, answer->error->message};
    if (answer->rows.empty() && config_.create_table) return {};
    const auto table = PostgresTable::of(config_.table, answer->rows, config_, context_.journal, 0);
    return table.ok() ? Status{} : Status{table.error()};
}

}  // namespace

Result<std::unique_ptr<Sink>> make_postgres_sink(
    const PostgresConfig& config, const SinkContext& context
) {
    PS_TRY(auto table, NameTemplate::parse(config.table, postgres_table_rules()));
    return std::unique_ptr<Sink>(std::make_unique<PostgresSink>(config, context, std::move(table)));
}

SinkKind postgres_kind() {
    return sink_kind<PostgresConfig>(
        "postgres", "Rows of tables of PostgreSQL or TimescaleDB.", make_postgres_sink
    );
}

}  // namespace penstock::sinks
