// A node's (or a test's) worth of seams on a VirtualLoop: the arena in plain memory, one set of
// seams a layer.
#pragma once

#include <sys/mman.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "iomgr/check.h"
#include "iomgr/driver.h"
#include "iomgr/local/local_network.h"
#include "iomgr/local/local_port.h"
#include "iomgr/local/virtual_loop.h"

namespace understudy {

/// Writes to standard error when the environment sets UNDERSTUDY_TEST_LOG; else says nothing.
class TestLog : public Log {
 public:
  explicit TestLog(std::string name) : name_(std::move(name)) {}
  void write(Level, std::string_view message, Fields fields) override {
    if (std::getenv("UNDERSTUDY_TEST_LOG") == nullptr) return;
    std::cerr << name_ << ": " << message;
    for (const Field& field : fields) std::cerr << ' ' << field.key << '=' << field.value;
    std::cerr << '\n';
  }

 private:
  std::string name_;
};

/// Memory for a node's arena: zeroed pages that cost nothing until they are touched. It can outlive
/// the node, as a segment of shared memory outlives processes.
class LocalMemory {
 public:
  explicit LocalMemory(const ArenaSizes& sizes)
      : sizes_(sizes),
        start_(mmap(nullptr, Arena::size_for(sizes), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    UNDERSTUDY_CHECK(start_ != MAP_FAILED);
  }
  LocalMemory(const LocalMemory&) = delete;
  LocalMemory& operator=(const LocalMemory&) = delete;
  ~LocalMemory() { munmap(start_, Arena::size_for(sizes_)); }
  const ArenaSizes& sizes() const { return sizes_; }
  Bytes bytes() const { return {static_cast<std::uint8_t*>(start_), Arena::size_for(sizes_)}; }

 private:
  ArenaSizes sizes_;
  void* start_;
};

/// One node of one process. Layers made with its seams must be destroyed before it.
class LocalHost {
 public:
  /// `seed`: of all randomness in the node.
  LocalHost(VirtualLoop& loop, Wire& wire, std::string node,
            std::shared_ptr<LocalMemory> memory = std::make_shared<LocalMemory>(small_sizes()),
            std::uint64_t seed = 0)
      : loop_(loop),
        wire_(wire),
        node_(std::move(node)),
        seed_(seed),
        memory_(std::move(memory)),
        arena_(Arena::format(memory_->bytes(), memory_->sizes(), node_)) {}

  static ArenaSizes small_sizes() { return {8 * bounds::kMiB, 8 * bounds::kMiB, 8 * bounds::kMiB}; }

  /// The seams of one layer of this node.
  Seams seams(Layer layer) {
    Each& each = of(layer);
    return {*each.executor, *each.network, *each.random, arena_,
            *each.trace,    each.faults,   *each.log};
  }
  VirtualExecutor& executor(Layer layer) { return *of(layer).executor; }
  FaultPoints& faults(Layer layer) { return of(layer).faults; }
  /// Nothing that the layer sends from now on leaves the node.
  void silence(Layer layer) { of(layer).network->silence(); }
  Trace& trace(Layer layer) { return *of(layer).trace; }
  Arena& arena() { return arena_; }

  /// Joins two drivers of this node by a link.
  void link(Driver& one, Driver& other) {
    auto [end_one, end_other] = make_local_link(executor(one.layer()), executor(other.layer()));
    one.attach(other.layer(), std::move(end_one));
    other.attach(one.layer(), std::move(end_other));
  }

 private:
  struct Each {
    std::unique_ptr<VirtualExecutor> executor;
    std::unique_ptr<LocalNetwork> network;
    std::unique_ptr<SeededRandom> random;
    std::unique_ptr<Trace> trace;
    std::unique_ptr<TestLog> log;
    FaultPoints faults;
  };

  Each& of(Layer layer) {
    const auto index = static_cast<std::size_t>(layer);
    auto& slot = layers_.at(index);
    if (slot == nullptr) {
      slot = std::make_unique<Each>();
      slot->executor = loop_.make_executor();
      slot->network = std::make_unique<LocalNetwork>(wire_, *slot->executor, node_);
      slot->random = std::make_unique<SeededRandom>(seed_ * kLayers + index + 1);
      slot->trace = std::make_unique<Trace>(layer, arena_.header().trace_mask,
                                            arena_.trace_ring(layer), *slot->executor);
      slot->log = std::make_unique<TestLog>(node_ + "." + std::string(to_string(layer)));
    }
    return *slot;
  }

  VirtualLoop& loop_;
  Wire& wire_;
  std::string node_;
  std::uint64_t seed_;
  std::shared_ptr<LocalMemory> memory_;
  Arena arena_;
  std::array<std::unique_ptr<Each>, kLayers> layers_;
};

}  // namespace understudy
