#pragma once

#include "penstock/intake.h"

#include <functional>
#include <string>
#include <vector>

/// Takes messages as it is told, and knows what it took.
/// Threads: one.
class FakeIntake final : public penstock::Intake {
public:
    struct Taken {
        penstock::Source source;
        std::string client_id;
        std::string topic;
        std::string payload;
        int qos;
        bool retain;
        bool duplicate;
        penstock::Nanoseconds arrival;
        penstock::Ticket ticket;
    };

    penstock::Reply submit(const penstock::Message& message, const penstock::Ticket& ticket)
        override {
        ++submissions;
        if (room_for == 0) return busy();
        const penstock::Reply reply = decide ? decide(message) : penstock::Reply{};
        if (reply.kind == penstock::Reply::Kind::refused) return reply;
        --room_for;
        // The contract: these bytes may be read.
        for (std::size_t i = 0; i < penstock::kPayloadPadding; ++i)
            padding_ ^= message.payload.data()[message.payload.size() + i];
        if (keep) {
            taken.push_back(
                {message.source,
                 std::string(message.client_id),
                 std::string(message.topic),
                 std::string(message.payload),
                 message.qos,
                 message.retain,
                 message.duplicate,
                 message.arrival,
                 ticket}
            );
        }
        ++count;
        if (ticket.sequence != penstock::Ticket::kNoAnswer) waiting.push_back(ticket);
        return reply;
    }
    void attach(penstock::Origin& origin) override { origin_ = &origin; }
    [[nodiscard]] bool closed() const noexcept override { return is_closed; }

    static penstock::Reply busy() { return {penstock::Reply::Kind::busy, {}, {}, {}}; }
    static penstock::Reply refused(penstock::Refusal refusal, std::string_view reason) {
        return {penstock::Reply::Kind::refused, refusal, reason, {}};
    }

    /// Everything that waits is on disk now.
    void durable_all() {
        std::vector<penstock::Ticket> tickets;
        tickets.swap(waiting);
        bring(tickets);
    }
    /// Only these, by their place among those that wait.
    void durable(std::initializer_list<std::size_t> places) {
        std::vector<penstock::Ticket> tickets;
        for (const std::size_t place : places)
            tickets.push_back(waiting.at(place));
        bring(tickets);
    }
    void bring(const std::vector<penstock::Ticket>& tickets) {
        if (origin_ != nullptr) origin_->durable(tickets);
        if (on_durable) on_durable(tickets);
    }
    void make_room(std::size_t for_messages) {
        room_for = for_messages;
        if (origin_ != nullptr) origin_->room();
    }

    std::function<penstock::Reply(const penstock::Message&)> decide;
    std::function<void(const std::vector<penstock::Ticket>&)> on_durable;
    std::vector<Taken> taken;
    std::vector<penstock::Ticket> waiting;
    std::size_t room_for = static_cast<std::size_t>(-1);
    std::size_t count = 0;
    std::size_t submissions = 0;
    bool keep = true;
    bool is_closed = false;

private:
    penstock::Origin* origin_ = nullptr;
    char padding_ = 0;
};
