// What the page (page/) is told of points and stores, live and in a file.
#pragma once

#include "tools/stepper/recording.h"

namespace understudy::stepper {

/// What happens ten times a second though nothing happens.
bool is_heartbeat(const TraceEntry& entry);

json::object page_point(const Point& point);
/// Of what the commands of these names give, the newest records of each list.
json::object page_stores(json::object ledger, json::object mirror);
/// What page/recorded.js reads.
json::object page_recording(const Recording& recording);

}  // namespace understudy::stepper
