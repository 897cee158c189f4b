#include "iomgr/fault_points.h"

#include <algorithm>
#include <array>

namespace understudy {
namespace {

constexpr bool kStalls = true;

constexpr auto kPoints = std::to_array<FaultPoint>({
    {Layer::cluster_app, "take.mount"},
    {Layer::cluster_app, "take.replay"},
    {Layer::cluster_app, "take.attach"},
    {Layer::cluster_app, "take.serve"},
    {Layer::fs_cache, "flush.begin"},
    {Layer::fs_cache, "flush.end"},
    {Layer::fs_cache, "medium.mount.lock", kStalls},
    {Layer::fs_cache, "medium.mount.lock.done", kStalls},
    {Layer::fs_cache, "medium.mount.owner", kStalls},
    {Layer::fs_cache, "medium.mount.applied", kStalls},
    {Layer::fs_cache, "medium.mount.intent", kStalls},
    {Layer::fs_cache, "medium.mount.claim", kStalls},
    {Layer::fs_cache, "medium.mount.claim.link", kStalls},
    {Layer::fs_cache, "medium.mount.claim.done", kStalls},
    {Layer::fs_cache, "medium.mount.recover", kStalls},
    {Layer::fs_cache, "medium.mount.recover.done", kStalls},
    {Layer::fs_cache, "medium.state", kStalls},
    {Layer::fs_cache, "medium.list", kStalls},
    {Layer::fs_cache, "medium.read", kStalls},
    {Layer::fs_cache, "medium.allocated", kStalls},
    {Layer::fs_cache, "medium.property", kStalls},
    {Layer::fs_cache, "medium.space", kStalls},
    {Layer::fs_cache, "medium.flush.objects", kStalls},
    {Layer::fs_cache, "medium.flush.objects.each", kStalls},
    {Layer::fs_cache, "medium.flush.objects.done", kStalls},
    {Layer::fs_cache, "medium.flush.objects.sync", kStalls},
    {Layer::fs_cache, "medium.flush.objects.sync.each", kStalls},
    {Layer::fs_cache, "medium.flush.objects.sync.done", kStalls},
    {Layer::fs_cache, "medium.flush.properties", kStalls},
    {Layer::fs_cache, "medium.flush.properties.each", kStalls},
    {Layer::fs_cache, "medium.flush.properties.done", kStalls},
    {Layer::fs_cache, "medium.flush.intent", kStalls},
    {Layer::fs_cache, "medium.flush.intent.done", kStalls},
    {Layer::fs_cache, "medium.flush.entries", kStalls},
    {Layer::fs_cache, "medium.flush.entries.each", kStalls},
    {Layer::fs_cache, "medium.flush.entries.done", kStalls},
    {Layer::fs_cache, "medium.flush.entries.sync", kStalls},
    {Layer::fs_cache, "medium.flush.entries.sync.each", kStalls},
    {Layer::fs_cache, "medium.flush.entries.sync.done", kStalls},
    {Layer::fs_cache, "medium.flush.applied", kStalls},
    {Layer::fs_cache, "medium.flush.applied.sync", kStalls},
    {Layer::fs_cache, "medium.flush.applied.done", kStalls},
    {Layer::fs_cache, "medium.flush.remove", kStalls},
    {Layer::fs_cache, "medium.flush.remove.each", kStalls},
    {Layer::fs_cache, "medium.flush.remove.done", kStalls},
    {Layer::fs_cache, "medium.mailbox.write", kStalls},
    {Layer::fs_cache, "medium.mailbox.read", kStalls},
    {Layer::rd_driver, "rd.send"},
    {Layer::mirror_server, "mirror.append.before_ack"},
    {Layer::mirror_server, "mirror.purge"},
    {Layer::mirror_server, "replay.begin"},
    {Layer::mirror_server, "replay.each"},
    {Layer::mirror_server, "replay.flush"},
    {Layer::mirror_server, "replay.end"},
});

}  // namespace

std::span<const FaultPoint> fault_points() {
  return kPoints;
}

const FaultPoint* find_fault_point(Layer layer, std::string_view name) {
  const auto found = std::ranges::find_if(
      kPoints, [&](const FaultPoint& point) { return point.layer == layer && point.name == name; });
  return found == kPoints.end() ? nullptr : &*found;
}

}  // namespace understudy
