// Random operations on a mirrored LUN, the owner killed in the middle of a flush, the partner in
// the middle of its replay: in the end the share holds what was acknowledged, nothing that was
// refused, and of the operation that was never answered all or nothing.
#include <gtest/gtest.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "tests/cluster/world.h"
#include "tests/tree_model.h"

namespace understudy {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kLun = 0;

// The places where a flush or a replay can be interrupted; the medium's are described in
// fs_cache/medium/README.md.
const std::vector<std::string> kFlushPoints = {"flush.begin",
                                               "medium.flush.objects",
                                               "medium.flush.objects.done",
                                               "medium.flush.objects.sync",
                                               "medium.flush.objects.sync.done",
                                               "medium.flush.entries",
                                               "medium.flush.entries.done",
                                               "medium.flush.entries.sync",
                                               "medium.flush.entries.sync.done",
                                               "medium.flush.applied",
                                               "medium.flush.applied.sync",
                                               "medium.flush.applied.done",
                                               "flush.end",
                                               "medium.flush.remove"};

// Only a flush of a node that is alone writes down what it is about to do to the names.
const std::vector<std::string> kDegradedFlushPoints = [] {
  std::vector<std::string> points = kFlushPoints;
  for (const char* point : {"medium.flush.intent", "medium.flush.intent.done",
                            "medium.flush.entries.each", "medium.flush.objects.each"})
    points.emplace_back(point);
  return points;
}();

/// In memory where that has extended attributes: what is tested here is order, and a disk only
/// makes it slow.
fs::path scratch() {
  std::string probe = "/dev/shm/understudy-probe-XXXXXX";
  const int file = mkstemp(probe.data());
  const bool usable = file >= 0 && fsetxattr(file, "user.understudy", "", 0, 0) == 0;
  if (file >= 0) ::close(file);
  std::error_code ignored;
  fs::remove(probe, ignored);
  return usable ? fs::path("/dev/shm") : fs::temp_directory_path();
}

struct TemporaryDirectory {
  TemporaryDirectory() {
    std::string pattern = (scratch() / "understudy-world-XXXXXX").string();
    UNDERSTUDY_CHECK(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TemporaryDirectory() { fs::remove_all(path); }
  fs::path path;
};

/// A client that works on one share until it is stopped: random operations on few names, so that
/// they meet.
class Worker {
 public:
  Worker(TestClient& client, std::uint64_t seed) : client_(client), random_(seed) {}

  Task<void> run(int operations) {
    for (int i = 0; i < operations; ++i) {
      co_await client_.pause(
          std::chrono::microseconds(random_() % 1000));  // so that the lazy writer has its turns
      const std::uint64_t kind = random_() % 10;
      if (kind < 2) {
        co_await create(random_() % 2 == 0);
      } else if (kind < 5) {
        co_await write();
      } else if (kind < 6) {
        co_await resize();
      } else if (kind < 9) {
        co_await rename();
      } else {
        co_await remove();
      }
    }
    done_ = true;
  }

  bool done() const { return done_; }
  std::size_t acknowledged() const { return acknowledged_; }
  /// What the share may hold: with and without the operation that was not answered.
  std::vector<Tree> allowed() const {
    return unanswered_ ? all_or_nothing(tree_, *unanswered_) : std::vector<Tree>{tree_};
  }

 private:
  std::string name() { return "file" + std::to_string(random_() % 6); }

  /// An operation's answer changes what we know; until it comes we know nothing of it.
  void asked(TreeOperation operation) { unanswered_ = std::move(operation); }
  void answered(const Answer& answer) {
    if (ok(answer.status)) {
      unanswered_->apply(tree_);
      ++acknowledged_;
    }
    unanswered_.reset();
  }

  Task<std::optional<std::uint64_t>> open(std::string path, std::uint32_t access) {
    const Answer opened = co_await client_.create(kLun, path, access, kOpenExisting);
    EXPECT_EQ(ok(opened.status), tree_.contains(path)) << path << " " << to_string(opened.status);
    if (failed(opened.status)) co_return std::nullopt;
    co_return opened.irp.open;
  }

  Task<void> create(bool overwrite) {
    const std::string path = name();
    asked({overwrite ? TreeOperation::Kind::overwrite : TreeOperation::Kind::create, path});
    const Answer made = co_await client_.create(kLun, path, kWriteData,
                                                overwrite ? kOverwriteOrCreate : kOpenOrCreate);
    answered(made);
    if (ok(made.status)) static_cast<void>(co_await client_.close(kLun, made.irp.open));
  }

  Task<void> write() {
    const std::string path = name();
    const std::optional<std::uint64_t> file = co_await open(path, kWriteData);
    if (!file) co_return;
    TreeOperation operation{TreeOperation::Kind::write, path};
    operation.offset = random_() % 20'000;
    operation.data.assign(1 + random_() % 9'000, static_cast<char>('a' + random_() % 26));
    asked(operation);
    const Answer written = co_await client_.write(kLun, *file, operation.offset, operation.data);
    answered(written);
    static_cast<void>(co_await client_.close(kLun, *file));
  }

  Task<void> resize() {
    const std::string path = name();
    const std::optional<std::uint64_t> file = co_await open(path, kWriteData);
    if (!file) co_return;
    TreeOperation operation{TreeOperation::Kind::resize, path};
    operation.size = random_() % 30'000;
    asked(operation);
    const Answer resized = co_await client_.resize(kLun, *file, operation.size);
    answered(resized);
    static_cast<void>(co_await client_.close(kLun, *file));
  }

  Task<void> rename() {
    const std::string path = name();
    const std::optional<std::uint64_t> file = co_await open(path, kDelete);
    if (!file) co_return;
    TreeOperation operation{TreeOperation::Kind::rename, path};
    operation.target = name();
    const bool replace = random_() % 4 != 0;
    asked(operation);
    const Answer renamed = co_await client_.rename(kLun, *file, operation.target, replace);
    if (!replace && tree_.contains(operation.target) && operation.target != path) {
      EXPECT_EQ(renamed.status, Status::object_name_collision);
    }
    answered(renamed);
    static_cast<void>(co_await client_.close(kLun, *file));
  }

  Task<void> remove() {
    const std::string path = name();
    const std::optional<std::uint64_t> file = co_await open(path, kDelete);
    if (!file) co_return;
    const Answer marked = co_await client_.remove(kLun, *file);
    EXPECT_TRUE(ok(marked.status));
    asked({TreeOperation::Kind::remove, path});
    const Answer closed = co_await client_.close(kLun, *file);
    answered(closed);
  }

  TestClient& client_;
  std::mt19937_64 random_;
  Tree tree_;
  std::optional<TreeOperation> unanswered_;
  std::size_t acknowledged_ = 0;
  bool done_ = false;
};

/// Everything in the share's root, as a client sees it.
Task<Tree> read_tree(TestClient& client) {
  Tree tree;
  const Answer root = co_await client.create(kLun, "", kReadData, kOpenExisting, kDirectoryFile);
  EXPECT_TRUE(ok(root.status)) << to_string(root.status);
  std::vector<std::string> names;
  while (true) {
    const Answer listed = co_await client.list(kLun, root.irp.open, false);
    if (failed(listed.status)) break;
    for (std::size_t at = 0; at + sizeof(DirectoryEntry) <= listed.bytes.size();) {
      DirectoryEntry entry;
      std::memcpy(&entry, listed.bytes.data() + at, sizeof entry);
      names.emplace_back(reinterpret_cast<const char*>(listed.bytes.data()) + at + sizeof entry,
                         entry.name_length);
      at += entry.size;
    }
  }
  for (const std::string& name : names) {
    if (name == "." || name == "..") continue;
    const Answer file = co_await client.create(kLun, name, kReadData, kOpenExisting);
    EXPECT_TRUE(ok(file.status)) << name;
    const Answer content = co_await client.read(kLun, file.irp.open, 0, 64 * 1024);
    tree[name] = std::string(content.bytes.begin(), content.bytes.end());
    static_cast<void>(co_await client.close(kLun, file.irp.open));
  }
  co_return tree;
}

std::string describe(const Tree& tree) {
  std::string text;
  for (const auto& [name, content] : tree) {
    text += name + ":" + std::to_string(content.size()) + "/" +
            std::to_string(std::hash<std::string>()(content) % 10'000) + " ";
  }
  return text;
}

/// The tree as it lies on the host.
Tree host_tree(const fs::path& lun) {
  Tree tree;
  for (const auto& entry : fs::directory_iterator(lun / "tree" / "")) {
    std::ifstream file(entry.path(), std::ios::binary);
    tree[entry.path().filename().string()] = std::string(std::istreambuf_iterator<char>(file), {});
  }
  return tree;
}

class World {
 public:
  explicit World(std::uint64_t seed) : loop(seed), random(seed) {}

  /// Runs `task` to its end; false if `node` was killed first.
  template <typename T>
  bool run(WorldNode& node, Task<T> task, T& result) {
    bool done = false;
    node.orders().spawn([](Task<T> work, T& out, bool& over) -> Task<void> {
      out = co_await work;
      over = true;
    }(std::move(task), result, done));
    loop.run_until([&] { return done || node.killed(); });
    return done;
  }

  void start_mirrored(bool hold_lazy_writer) {
    a = make("a");
    b = make("b");
    a->orders().spawn(a->join(*b));
    b->orders().spawn(b->join(*a));
    Result<std::uint64_t> taken = Status::unsuccessful;
    ASSERT_TRUE(run(*a, a->take(hold_lazy_writer), taken));
    ASSERT_TRUE(taken) << to_string(taken.status());
    for (bool on = false; !on;) {
      loop.run_for(std::chrono::milliseconds(20));
      ASSERT_TRUE(run(*a, a->mirroring(), on));
    }
  }

  std::unique_ptr<WorldNode> make(const std::string& name) {
    return std::make_unique<WorldNode>(loop, wire, name, name == "a" ? 0 : 1, directory.path,
                                       memory[name]);
  }

  /// b takes the LUN over, again and again if it is killed meanwhile, its memory surviving; then
  /// what it serves.
  void take_over(const std::function<void(WorldNode&)>& arm, Tree& served,
                 std::uint64_t& replayed) {
    for (int attempt = 0; attempt < 5; ++attempt) {
      if (attempt == 0) arm(*b);
      Result<std::uint64_t> taken = Status::unsuccessful;
      if (run(*b, b->take(true), taken)) {
        ASSERT_TRUE(taken) << to_string(taken.status());
        replayed = *taken;
        ASSERT_TRUE(run(*b, read_tree(b->client()), served));
        return;
      }
      b.reset();
      ++killed_in_replay;
      b = make("b");
    }
    FAIL() << "b never finishes its replay";
  }

  TemporaryDirectory directory;
  VirtualLoop loop;
  Wire wire;
  std::mt19937_64 random;
  std::map<std::string, std::shared_ptr<LocalMemory>> memory = {
      {"a", std::make_shared<LocalMemory>(LocalHost::small_sizes())},
      {"b", std::make_shared<LocalMemory>(LocalHost::small_sizes())}};
  std::unique_ptr<WorldNode> a;
  std::unique_ptr<WorldNode> b;
  int killed_in_replay = 0;
};

void expect_one_of(const std::vector<Tree>& allowed, const Tree& found, const std::string& where) {
  EXPECT_TRUE(std::find(allowed.begin(), allowed.end(), found) != allowed.end())
      << where << "\n  found:   " << describe(found) << "\n  allowed: " << describe(allowed.front())
      << "\n  or:      " << describe(allowed.back());
}

TEST(FailoverWorld, LosesNothingAcknowledgedWhenTheOwnerDiesInMidFlush) {
  int killed_in_flush = 0;
  for (std::uint64_t seed = 1; seed <= 280; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    ASSERT_NO_FATAL_FAILURE(world.start_mirrored(false));
    const std::string& point = kFlushPoints[seed % kFlushPoints.size()];
    world.a->faults(Layer::fs_cache)
        .arm(point, {FaultAction::kill, 1 + world.random() % 8, false, Status::success});
    Worker worker(world.a->client(), seed);
    world.a->client().spawn(worker.run(200));
    world.loop.run_until([&] { return worker.done() || world.a->killed(); });
    killed_in_flush += world.a->killed() ? 1 : 0;
    world.a.reset();

    Tree served;
    std::uint64_t replayed = 0;
    ASSERT_NO_FATAL_FAILURE(world.take_over([](WorldNode&) {}, served, replayed));
    expect_one_of(worker.allowed(), served, "served by b after a died at " + point);
    expect_one_of(worker.allowed(), host_tree(world.directory.path), "on the medium");
  }
  EXPECT_GE(killed_in_flush, 50) << "too few kills to mean anything";
}

TEST(FailoverWorld, LosesNothingAcknowledgedWhenTheSurvivorDiesInMidReplay) {
  const std::vector<std::pair<Layer, std::string>> points = {
      {Layer::mirror_server, "replay.begin"},
      {Layer::mirror_server, "replay.each"},
      {Layer::mirror_server, "replay.flush"},
      {Layer::mirror_server, "replay.end"},
      {Layer::fs_cache, "medium.flush.objects"},
      {Layer::fs_cache, "medium.flush.entries"},
      {Layer::fs_cache, "medium.flush.entries.sync"},
      {Layer::fs_cache, "medium.flush.applied"},
      {Layer::fs_cache, "flush.end"}};
  int killed_in_replay = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    ASSERT_NO_FATAL_FAILURE(world.start_mirrored(seed % 2 == 0));
    Worker worker(world.a->client(), seed);
    world.a->client().spawn(worker.run(60));
    const std::size_t enough = 20 + world.random() % 40;
    world.loop.run_until([&] { return worker.done() || worker.acknowledged() >= enough; });
    world.a.reset();

    const auto& [layer, point] = points[seed % points.size()];
    const bool each = point == "replay.each";
    Tree served;
    std::uint64_t replayed = 0;
    ASSERT_NO_FATAL_FAILURE(world.take_over(
        [&, where = layer, what = point](WorldNode& node) {
          node.faults(where).arm(what, {FaultAction::kill, each ? 1 + world.random() % 10 : 1,
                                        false, Status::success});
        },
        served, replayed));
    killed_in_replay += world.killed_in_replay;
    expect_one_of(worker.allowed(), served, "served by b, killed at " + point);
    expect_one_of(worker.allowed(), host_tree(world.directory.path), "on the medium");
  }
  EXPECT_GE(killed_in_replay, 50) << "too few kills to mean anything";
}

/// A held lazy writer writes nothing by itself, and only writing makes room in the partner's store.
TEST(FailoverWorld, GoesOnWhenThePartnersStoreIsFullAndTheLazyWriterIsHeld) {
  World world(1);
  world.memory["b"] = std::make_shared<LocalMemory>(
      ArenaSizes{8 * bounds::kMiB, 8 * bounds::kMiB, 2 * bounds::kMiB});
  ASSERT_NO_FATAL_FAILURE(world.start_mirrored(true));
  bool done = false;
  world.a->client().spawn([](TestClient& client, bool& over) -> Task<void> {
    const Answer made = co_await client.create(kLun, "large", kWriteData, kCreateNew);
    const std::string piece(64 * 1024, 'x');
    for (std::uint64_t offset = 0; offset < 6 * bounds::kMiB; offset += piece.size()) {
      const Answer written = co_await client.write(kLun, made.irp.open, offset, piece);
      UNDERSTUDY_CHECK(ok(written.status));
    }
    over = true;
  }(world.a->client(), done));
  EXPECT_TRUE(world.loop.run_until([&] { return done; }));
}

/// Degraded, nobody could replay: the medium alone has to hold all of an operation or nothing of
/// it, and both names of no rename.
TEST(FailoverWorld, HasAllOrNothingOfTheOperationThatASurvivorDiedIn) {
  int killed = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    ASSERT_NO_FATAL_FAILURE(world.start_mirrored(true));
    world.b.reset();
    Worker worker(world.a->client(), seed);
    world.a->client().spawn(worker.run(60));
    ASSERT_TRUE(world.loop.run_until([&] { return worker.done() || worker.acknowledged() >= 5; }));
    const std::string& point = kDegradedFlushPoints[seed % kDegradedFlushPoints.size()];
    world.a->faults(Layer::fs_cache)
        .arm(point, {FaultAction::kill, 1 + world.random() % 6, false, Status::success});
    world.loop.run_until([&] { return worker.done() || world.a->killed(); });
    killed += world.a->killed() ? 1 : 0;
    world.a.reset();

    world.a = world.make("a");
    Result<std::uint64_t> taken = Status::unsuccessful;
    ASSERT_TRUE(world.run(*world.a, world.a->take(true), taken));
    ASSERT_TRUE(taken) << to_string(taken.status());
    Tree served;
    ASSERT_TRUE(world.run(*world.a, read_tree(world.a->client()), served));
    expect_one_of(worker.allowed(), served, "served by a after it died at " + point);
    expect_one_of(worker.allowed(), host_tree(world.directory.path), "on the medium");
  }
  EXPECT_GE(killed, 100) << "too few kills to mean anything";
}

TEST(FailoverWorld, HasEveryDegradedOperationOnTheMediumTheMomentItIsAcknowledged) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    ASSERT_NO_FATAL_FAILURE(world.start_mirrored(true));
    world.b.reset();
    Worker worker(world.a->client(), seed);
    world.a->client().spawn(worker.run(60));
    const std::size_t enough = 5 + world.random() % 30;
    ASSERT_TRUE(
        world.loop.run_until([&] { return worker.done() || worker.acknowledged() >= enough; }));
    world.a.reset();
    expect_one_of(worker.allowed(), host_tree(world.directory.path), "on the medium");
  }
}

}  // namespace
}  // namespace understudy
