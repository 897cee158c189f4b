#include "iomgr/trace.h"

#include <algorithm>

namespace understudy {

std::string_view describe(Step step) {
  switch (static_cast<int>(step)) {
#define UNDERSTUDY_STEP_TEXT(number, text) \
  case number:                             \
    return text;
    UNDERSTUDY_STEP_TABLE(UNDERSTUDY_STEP_TEXT)
#undef UNDERSTUDY_STEP_TEXT
    default:
      return "";
  }
}

TraceRing::TraceRing(Bytes memory)
    : next_(*reinterpret_cast<std::atomic<std::uint64_t>*>(memory.data())),
      entries_(reinterpret_cast<TraceEntry*>(memory.data() + 64)) {}

void TraceRing::write(TraceEntry entry) {
  const std::uint64_t sequence = next_.load(std::memory_order_relaxed) + 1;
  entry.sequence = sequence;
  entries_[sequence % bounds::kTraceEntries] = entry;
  next_.store(sequence, std::memory_order_release);
}

std::vector<TraceEntry> TraceRing::read(std::uint64_t after) const {
  std::vector<TraceEntry> entries;
  const std::uint64_t newest = last();
  // One slot less than there are: the writer may be in the next one.
  constexpr std::uint64_t kReadable = bounds::kTraceEntries - 1;
  const auto oldest_after = [kReadable](std::uint64_t at) {
    return at - std::min(at, kReadable) + 1;
  };
  for (std::uint64_t sequence = std::max(after + 1, oldest_after(newest)); sequence <= newest;
       ++sequence) {
    const TraceEntry entry = entries_[sequence % bounds::kTraceEntries];
    std::atomic_thread_fence(std::memory_order_acquire);
    const bool whole = entry.sequence == sequence && sequence >= oldest_after(last());
    if (whole) entries.push_back(entry);
  }
  return entries;
}

TraceEntry Trace::note(Step step, Hop hop, Layer neighbour, const Irp& irp) {
  TraceEntry entry{};
  entry.time_ns = executor_.now().count();
  entry.irp = irp.id;
  entry.lsn = irp.lsn;
  entry.epoch = irp.epoch;
  entry.lun = irp.lun;
  entry.session = irp.session;
  entry.status = irp.status;
  entry.step = step;
  entry.hop = hop;
  entry.major = irp.major;
  entry.minor = irp.minor;
  entry.layer = layer_;
  entry.neighbour = neighbour;
  ring_.write(entry);
  return entry;
}

void Trace::write(Step step, Hop hop, Layer neighbour, const Irp& irp) {
  const TraceEntry entry = note(step, hop, neighbour, irp);
  if (listener) listener(entry, irp);
}

void Trace::write_changeable(Hop hop, Layer neighbour, Irp& irp) {
  if (!changer) return write(Step{}, hop, neighbour, irp);
  changer(note(Step{}, hop, neighbour, irp), irp);
}

}  // namespace understudy
