// Driver over local links: dispatch, completion, bounds, what happens when a neighbour dies.
#include "iomgr/driver.h"

#include <gtest/gtest.h>

#include "iomgr/local/local_host.h"

namespace understudy {
namespace {

/// Passes reads on to fs_cache and counts what comes back.
class Passing : public Driver {
 public:
  explicit Passing(Seams seams) : Driver(Layer::ff_driver, seams) {
    on(Major::read, [this](Irp& irp) -> Task<Status> {
      const Status status = co_await call(Layer::fs_cache, irp);
      ++passed;
      co_return status;
    });
  }
  int passed = 0;
};

/// Answers reads with their offset, the last asked for first.
class Answering : public Driver {
 public:
  explicit Answering(Seams seams) : Driver(Layer::fs_cache, seams), hold_(executor()) {
    on(Major::read, [this](Irp& irp) -> Task<Status> {
      if (irp.read.offset == 1) co_await hold_.wait();
      if (irp.read.offset == 2) hold_.set();
      irp.information = irp.read.offset * 10;
      co_return Status::success;
    });
  }

 private:
  Event hold_;
};

class Asking : public Driver {
 public:
  explicit Asking(Seams seams) : Driver(Layer::netstack, seams) {}
  void ask(Major major, std::uint64_t offset) {
    spawn([](Asking& self, Major kind, std::uint64_t where) -> Task<void> {
      Irp irp = self.make_irp(kind);
      irp.read.offset = where;
      const Status status = co_await self.call(Layer::ff_driver, irp);
      self.answers.emplace_back(status, irp.information);
    }(*this, major, offset));
  }
  std::vector<std::pair<Status, std::uint64_t>> answers;
};

struct Stack {
  VirtualLoop loop;
  Wire wire;
  LocalHost host{loop, wire, "a"};
  Asking top{host.seams(Layer::netstack)};
  Passing middle{host.seams(Layer::ff_driver)};
  Answering bottom{host.seams(Layer::fs_cache)};
  Stack() {
    host.link(top, middle);
    host.link(middle, bottom);
  }
};

TEST(Driver, CompletesEachIrpToTheOneWhoAskedWhateverTheOrder) {
  Stack stack;
  stack.top.ask(Major::read, 1);
  stack.top.ask(Major::read, 2);
  stack.loop.run_ready();
  ASSERT_EQ(stack.top.answers.size(), 2U);
  EXPECT_EQ(stack.top.answers[0].second, 20U);
  EXPECT_EQ(stack.top.answers[1].second, 10U);
  EXPECT_EQ(stack.middle.passed, 2);
}

TEST(Driver, GoesOnWithWhatIsChangedOfAnIrpAtAnyOfItsHops) {
  for (const Hop hop :
       {Hop::request_in, Hop::request_out, Hop::completion_in, Hop::completion_out}) {
    Stack stack;
    stack.host.arena().header().trace_mask = 1U << static_cast<unsigned>(Layer::ff_driver);
    stack.host.trace(Layer::ff_driver).changer = [hop](const TraceEntry& entry, Irp& irp) {
      if (entry.hop != hop) return;
      irp.read.offset = 7;
      irp.status = Status::disk_full;
    };
    stack.top.ask(Major::read, 3);
    stack.loop.run_ready();
    ASSERT_EQ(stack.top.answers.size(), 1U);
    const bool asks = hop == Hop::request_in || hop == Hop::request_out;
    EXPECT_EQ(stack.top.answers[0].second, asks ? 70U : 30U);
    EXPECT_EQ(stack.top.answers[0].first, asks ? Status::success : Status::disk_full);
  }
}

TEST(Driver, RefusesAMajorFunctionThatNobodyRegisteredFor) {
  Stack stack;
  stack.top.ask(Major::write, 0);
  stack.loop.run_ready();
  ASSERT_EQ(stack.top.answers.size(), 1U);
  EXPECT_EQ(stack.top.answers[0].first, Status::invalid_device_request);
}

TEST(Driver, LearnsThatANeighbourIsGone) {
  VirtualLoop loop;
  Wire wire;
  LocalHost host(loop, wire, "a");
  Asking top(host.seams(Layer::netstack));
  Layer gone = Layer::none;
  top.on_broken = [&gone](Layer layer) { gone = layer; };
  {
    Passing middle(host.seams(Layer::ff_driver));
    host.link(top, middle);
  }
  loop.run_ready();
  EXPECT_EQ(gone, Layer::ff_driver);
  top.ask(Major::read, 1);
  loop.run_ready();
  EXPECT_TRUE(top.answers.empty());
}

TEST(Driver, CallsNothingABreachWhileTheOrderIsPermuted) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    VirtualLoop loop(seed);
    Wire wire;
    LocalHost host(loop, wire, "a");
    Asking top(host.seams(Layer::netstack));
    Passing middle(host.seams(Layer::ff_driver));
    Answering bottom(host.seams(Layer::fs_cache));
    host.link(top, middle);
    host.link(middle, bottom);
    for (std::uint64_t i = 1; i <= 3000; ++i) top.ask(Major::read, i);
    loop.run_ready();
    EXPECT_EQ(top.answers.size(), 3000U);
  }
}

TEST(Event, WaitUntilSaysWhetherTheDeadlineCameFirst) {
  VirtualLoop loop;
  const auto executor = loop.make_executor();
  Event event(*executor);
  TaskScope scope;
  std::vector<bool> signalled;
  const auto wait = [](Event& what, Time deadline, std::vector<bool>& out) -> Task<void> {
    const bool came = co_await what.wait_until(deadline);
    out.push_back(came);
  };
  scope.spawn(wait(event, std::chrono::seconds(1), signalled));
  loop.run_for(std::chrono::seconds(2));
  scope.spawn(wait(event, std::chrono::seconds(5), signalled));
  event.pulse();
  loop.run_for(std::chrono::seconds(10));
  EXPECT_EQ(signalled, (std::vector<bool>{false, true}));
}

}  // namespace
}  // namespace understudy
