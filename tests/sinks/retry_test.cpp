#include "sinks/retry.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace penstock::sinks {
namespace {

RetryConfig settings() {
    RetryConfig config;
    config.first = std::chrono::milliseconds(100);
    config.longest = std::chrono::seconds(10);
    config.alarm = std::chrono::seconds(30);
    return config;
}

TEST_CASE(
    "retry: the bound doubles up to the longest, and begins anew after a success", "[sinks]"
) {
    Retry retry(settings(), 1);
    Nanoseconds bound = 100 * kMillisecond;
    for (int i = 0; i < 40; ++i) {
        const Nanoseconds wait = retry.next(FailureClass::transient, {});
        CHECK(wait >= 0);
        CHECK(wait <= bound);
        bound = std::min(bound * 2, 10 * kSecond);
    }
    CHECK(retry.failures() == 40);
    retry.succeeded();
    CHECK(retry.next(FailureClass::transient, {}) <= 100 * kMillisecond);
}

TEST_CASE("retry: waits are spread over the whole bound", "[sinks]") {
    Retry retry(settings(), 2);
    for (int i = 0; i < 20; ++i)
        static_cast<void>(retry.next(FailureClass::transient, {}));
    Nanoseconds low = 10 * kSecond;
    Nanoseconds high = 0;
    for (int i = 0; i < 200; ++i) {
        const Nanoseconds wait = retry.next(FailureClass::transient, {});
        low = std::min(low, wait);
        high = std::max(high, wait);
    }
    CHECK(low < kSecond);
    CHECK(high > 9 * kSecond);
}

TEST_CASE(
    "retry: never sooner than the far side asked for, never later than an hour for it", "[sinks]"
) {
    Retry retry(settings(), 3);
    CHECK(retry.next(FailureClass::throttled, 7 * kSecond) >= 7 * kSecond);
    CHECK(retry.next(FailureClass::throttled, 7 * kSecond) <= 8 * kSecond);
    CHECK(retry.next(FailureClass::throttled, INT64_MAX) <= Retry::kRetryAfterMax + 10 * kSecond);
    CHECK(retry.next(FailureClass::throttled, -5) >= 0);
}

TEST_CASE("retry: what needs somebody is tried slowly from the first time on", "[sinks]") {
    const auto kind = GENERATE(FailureClass::credentials, FailureClass::configuration);
    Retry retry(settings(), 4);
    const Nanoseconds wait = retry.next(kind, {});
    CHECK(wait >= 15 * kSecond);
    CHECK(wait <= 30 * kSecond);
}

}  // namespace
}  // namespace penstock::sinks
