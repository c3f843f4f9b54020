#pragma once

#include "penstock/clock.h"

#include <string>

namespace penstock {

/// Appends `Sun, 06 Nov 1994 08:49:37 GMT`. Source: RFC 9110, section 5.6.7.
void append_http_date(Nanoseconds wall, std::string& out);

}  // namespace penstock
