// What the namespace keeps in memory.
#include "fs_cache/fs_cache_fixture.h"

namespace understudy {
namespace {

TEST(Namespace, UnloadsTheLongestUnusedDirectoriesAndKeepsWhatIsInUse) {
  VirtualLoop loop;
  auto disk = std::make_shared<MemoryDisk>();
  {
    TestNode node(loop, disk);
    ASSERT_EQ(node.mount().status, Status::success);
    for (int d = 0; d < 10; ++d) {
      const std::string name = "dir" + std::to_string(d);
      node.make_directory(name);
      for (int f = 0; f < 10; ++f) node.make_file(name + "\\file" + std::to_string(f));
    }
    EXPECT_EQ(node.order(ClusterMinor::dismount), Status::success);
  }
  Wire wire;
  LocalHost host(loop, wire, "a");
  const Seams seams = host.seams(Layer::fs_cache);
  MemoryMedium medium(seams, disk);
  Namespace names(seams.executor, medium, seams.log, 40);
  TaskScope scope;
  const auto load = [](Namespace& all, std::string text) -> Task<void> {
    if (ok(co_await all.load_root())) {
      const Result<Path> path = parse_path(text);
      Walk walk = all.walk(*path);
      while (walk.unloaded != nullptr) {
        const Status status = co_await all.load(walk.unloaded->id);
        EXPECT_EQ(status, Status::success);
        walk = all.walk(*path);
      }
      EXPECT_NE(walk.node, nullptr) << text;
    }
  };
  Node* pinned = nullptr;
  Open open{1, nullptr, nullptr, 0, 0, 0};
  for (int round = 0; round < 3; ++round) {
    for (int d = 0; d < 10; ++d) {
      scope.spawn(load(names, "dir" + std::to_string(d) + "\\file3"));
      loop.run_ready();
      EXPECT_LE(names.objects(), 40U);
      if (pinned == nullptr) {
        pinned = names.walk(*parse_path("dir0\\file3")).node;
        ASSERT_NE(pinned, nullptr);
        pinned->names.front()->opens = 1;
        pinned->opens.push_back(&open);
      }
      EXPECT_EQ(names.walk(*parse_path("dir0\\file3")).node, pinned);
    }
  }
}

}  // namespace
}  // namespace understudy
