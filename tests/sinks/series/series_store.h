#pragma once

#include "sinks/contract/contract.h"

#include <string>

namespace penstock::sinks::contract {

/// What no time-series store shows, fake or real; `Base` is the far side it is.
template <class Base>
class SeriesStore : public Base {
public:
    [[nodiscard]] std::string lacks_order() const override {
        return "a time-series store keeps one value per device and time";
    }
    [[nodiscard]] std::string lacks_refusal() const override {
        return "the suite's records hold numbers only; bad ones have cases of their own";
    }
    [[nodiscard]] std::string lacks_size_bound() const override {
        return "a point has the chosen numbers, however large the payload is";
    }

protected:
    using Base::Base;
};

}  // namespace penstock::sinks::contract
