#include "app/order_command.h"

#include "app/cli.h"
#include "base/iso_time.h"
#include "base/record_json.h"
#include "base/text.h"
#include "journal/catalog.h"
#include "journal/quarantine_store.h"
#include "penstock/record.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <random>
#include <thread>

namespace penstock::app {
namespace {

using journal::QuarantineListed;
using journal::QuarantineQuery;
using journal::QuarantineSpot;
using journal::QuarantineStore;
using sinks::Order;
using sinks::OrderState;

constexpr auto kLook = std::chrono::milliseconds(200);
constexpr Nanoseconds kSayEvery = 2 * kSecond;
constexpr std::size_t kTextMax = 120;

int fail(const OrderScene& scene, const Error& error) {
    scene.say << "penstock: " << error.message << '\n';
    return kExitFailed;
}

/// Somebody holds the journal's lock.
bool daemon_runs(const OrderScene& scene) {
    const auto lock = scene.disk.lock(scene.data_dir / "journal" / "lock");
    return !lock.ok() && lock.error().code == Errc::conflict;
}

sinks::OrderBook book_of(const OrderScene& scene) {
    return {scene.data_dir / "orders", scene.disk};
}

/// Who gives an order as root gives it into the hands of the daemon's user.
void hand_over(const std::filesystem::path& folder, const std::filesystem::path& path) {
    struct stat whose{};
    if (::geteuid() != 0 || ::stat(folder.c_str(), &whose) != 0) return;
    if (::chown(path.c_str(), whose.st_uid, whose.st_gid) != 0) return;
}

std::string progress(const Order& order) {
    std::string text = fmt::format(
        "{} {} of {}",
        order.kind == sinks::OrderKind::drop ? "dropped" : "delivered",
        order.delivered,
        order.total
    );
    if (order.filtered > 0) text += fmt::format(", passed over {}", order.filtered);
    if (order.refused > 0) text += fmt::format(", refused {}", order.refused);
    if (order.gone > 0) text += fmt::format(", gone {}", order.gone);
    return text;
}

/// What comes from far sides and devices moves no terminal's cursor.
std::string harmless(std::string_view text) {
    std::string out;
    text::append_log_string(out, text, kTextMax);
    return out;
}

std::string line_of(const Order& order) {
    std::string line = fmt::format(
        "{}  {:<8} {:<16} {:<9}  {}",
        order.id,
        name(order.kind),
        order.sink,
        name(order.state),
        progress(order)
    );
    if (!order.message.empty()) line += "  " + harmless(order.message);
    return line;
}

/// Until the order has ended.
int follow(const OrderScene& scene, const sinks::OrderBook& book, const std::string& id) {
    std::string said;
    Nanoseconds said_at = 0;
    while (true) {
        const auto order = book.read(id);
        if (!order) return fail(scene, order.error());
        const auto line = fmt::format("{}: {}", name(order->state), progress(*order));
        const Nanoseconds now = scene.clock.monotonic();
        if (line != said && (order->ended() || now - said_at >= kSayEvery)) {
            scene.out << line << std::endl;
            said = line;
            said_at = now;
        }
        if (order->ended()) {
            if (!order->message.empty()) scene.out << harmless(order->message) << '\n';
            return order->state == OrderState::done ? kExitOk : kExitFailed;
        }
        if (!daemon_runs(scene)) {
            return fail(
                scene,
                {Errc::unavailable,
                 "the daemon has ended; order " + id + " goes on when it runs again"}
            );
        }
        std::this_thread::sleep_for(kLook);
    }
}

Result<std::unique_ptr<QuarantineStore>> open_store(const OrderScene& scene) {
    PS_TRY(const auto catalog, journal::read_catalog(scene.disk, scene.data_dir / "journal"));
    return QuarantineStore::open_to_read(
        scene.data_dir / "quarantine", catalog.journal, scene.disk, scene.clock
    );
}

std::string entry_line(const QuarantineListed& listed) {
    const auto& entry = listed.entry;
    std::string when;
    append_iso_time(entry.time, when);
    const auto record = RecordView::parse(entry.record);
    return fmt::format(
        "{:<16} {:<16} {:>12}  {}  {}  {}\n",
        listed.spot.text(),
        entry.sink,
        entry.lsn.value,
        when,
        record ? harmless(record->device()) : "(no record)",
        harmless(entry.reason)
    );
}

/// Calls `see` for each entry behind `after`, until it says false. Returns the damaged bytes that
/// were passed over.
Result<std::uint64_t> walk(
    const QuarantineStore& store,
    const std::string& sink,
    QuarantineSpot after,
    const std::function<bool(const QuarantineListed&)>& see
) {
    std::uint64_t damaged = 0;
    std::optional<QuarantineSpot> next = after;
    while (next) {
        QuarantineQuery query;
        query.sink = sink;
        query.after = *next;
        query.limit = 1000;
        PS_TRY(const auto page, store.list(query));
        damaged += page.damaged_bytes;
        for (const auto& listed : page.entries) {
            if (!see(listed)) return damaged;
        }
        next = page.next;
    }
    return damaged;
}

}  // namespace

int give_order(const OrderScene& scene, Order order, bool detach) {
    if (!daemon_runs(scene)) {
        return fail(
            scene,
            {Errc::unavailable,
             "no daemon runs on " + scene.data_dir.string() +
                 ": start it, it is the one that carries orders out"}
        );
    }
    auto book = book_of(scene);
    if (const auto opened = book.open(); !opened.ok()) return fail(scene, opened.error());
    hand_over(scene.data_dir, book.directory());
    order.given_at = scene.clock.wall();
    order.id = sinks::new_order_id(order.given_at, std::random_device{}());
    if (const auto written = book.write(order); !written.ok()) return fail(scene, written.error());
    hand_over(scene.data_dir, book.directory() / (order.id + ".order"));
    scene.out << "order " << order.id << std::endl;
    return detach ? kExitOk : follow(scene, book, order.id);
}

int list_orders(const OrderScene& scene) {
    std::vector<std::string> problems;
    const auto orders = book_of(scene).list(&problems);
    if (!orders) return fail(scene, orders.error());
    for (const Order& order : *orders)
        scene.out << line_of(order) << '\n';
    for (const auto& problem : problems)
        scene.say << "penstock: " << problem << '\n';
    return problems.empty() ? kExitOk : kExitFailed;
}

int cancel_order(const OrderScene& scene, const std::string& id) {
    auto book = book_of(scene);
    const auto asked = book.cancel(id);
    if (!asked && asked.error().code == Errc::not_found)
        return fail(scene, {Errc::not_found, "no order '" + id + "'"});
    if (!asked) return fail(scene, asked.error());
    scene.out << "order " << id << " is to end\n";
    return kExitOk;
}

int list_quarantine(const OrderScene& scene, const QuarantineLook& look) {
    const auto store = open_store(scene);
    if (!store && store.error().code == Errc::not_found) return kExitOk;  // nothing, ever
    if (!store) return fail(scene, store.error());
    const auto from = QuarantineSpot::parse(look.after);
    if (!from) return fail(scene, from.error());
    std::uint32_t shown = 0;
    const auto damaged = walk(**store, look.sink, *from, [&](const QuarantineListed& listed) {
        scene.out << entry_line(listed);
        ++shown;
        return shown != look.limit && scene.out.good();
    });
    if (!damaged) return fail(scene, damaged.error());
    if (*damaged == 0) return kExitOk;
    return fail(scene, {Errc::corrupt, fmt::format("{} bytes of the store are damaged", *damaged)});
}

int show_quarantined(const OrderScene& scene, const std::string& id) {
    const auto store = open_store(scene);
    if (!store) return fail(scene, store.error());
    const auto wanted = QuarantineSpot::parse(id);
    if (!wanted) return fail(scene, wanted.error());
    bool found = false;
    const auto look = [&](const QuarantineListed& listed) {
        if (listed.spot < *wanted) return true;
        found = listed.spot == *wanted;
        if (!found) return false;
        scene.out << entry_line(listed);
        if (const auto record = RecordView::parse(listed.entry.record)) {
            std::string json;
            RecordJson(listed.journal).append(listed.entry.lsn, *record, json);
            scene.out << json << '\n';
        }
        return false;
    };
    if (const auto walked = walk(**store, {}, {wanted->file, 0}, look); !walked)
        return fail(scene, walked.error());
    if (found) return kExitOk;
    return fail(scene, {Errc::not_found, "no entry '" + id + "' is in quarantine"});
}

}  // namespace penstock::app
