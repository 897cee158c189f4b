// Whatever a client did, whenever the node died, whatever the power failure took: medium plus the
// partner's copies give back exactly the tree that the client saw (rules 1, 6, 8, 10).
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "fs_cache/medium/posix_medium.h"
#include "fs_cache/random_client.h"

namespace understudy {
namespace {

class Crash {
 public:
  explicit Crash(std::uint64_t seed) : client_(seed), loop_(seed) {}

  void run(int lives) {
    for (int life = 0; life < lives; ++life) {
      boot();
      if (::testing::Test::HasFailure()) return;
      live();
      die();
    }
    boot();
  }

 private:
  /// Mounts, replays what the medium lacks, and looks. Sometimes the node dies in the midst of it.
  void boot() {
    while (client_.below(4) == 0) {
      mount();
      replay();
      Irp flush = node_->irp(Major::lazy_write);
      flush.lsn = ~Lsn{0};
      const auto flushing = node_->begin(flush);
      take_steps();
      power_failure();
    }
    mount();
    replay();
    if (portrait_.empty()) return;
    EXPECT_EQ(RandomClient::portrait(*node_), portrait_);
    client_.expect_seen(*node_);
  }

  void mount() {
    node_ = std::make_unique<TestNode>(loop_, disk_);
    ASSERT_EQ(node_->mount().status, Status::success);
  }
  void replay() {
    const Lsn applied = node_->last.mount.applied_lsn;
    for (const auto& [lsn, record] : copies_) {
      if (lsn > applied) {
        EXPECT_EQ(node_->replay(record), Status::success) << lsn;
      }
    }
  }

  void live() {
    const std::uint64_t operations = client_.below(60);
    for (std::uint64_t i = 0; i < operations; ++i) {
      client_.step(*node_);
      loop_.run_for(std::chrono::milliseconds(1));
      const std::uint64_t dice = client_.below(20);
      if (dice == 0) {
        EXPECT_EQ(node_->flush(client_.below(2) == 0 ? some_lsn() : ~Lsn{0}), Status::success);
      }
      if (dice == 1) fail_a_flush();
    }
    portrait_ = RandomClient::portrait(*node_);
    client_.expect_seen(*node_);
  }

  void fail_a_flush() {
    static constexpr const char* kPoints[] = {
        "medium.flush.objects.each", "medium.flush.objects.sync", "medium.flush.entries.each",
        "medium.flush.entries.sync", "medium.flush.applied",      "medium.flush.applied.done"};
    node_->faults().arm(kPoints[client_.below(std::size(kPoints))],
                        {.action = FaultAction::error, .countdown = 1 + client_.below(3)});
    static_cast<void>(node_->flush(some_lsn()));
    node_->faults().disarm();
  }

  Lsn some_lsn() {
    const Filter::Copies& copies = node_->filter().copies;
    if (copies.empty()) return 0;
    return copies.begin()->first + client_.below(copies.size());
  }

  /// In the midst of a flush, or not.
  void die() {
    if (client_.below(3) != 0) {
      Irp flush = node_->irp(Major::lazy_write);
      flush.lsn = client_.below(2) == 0 ? some_lsn() : ~Lsn{0};
      const auto flushing = node_->begin(flush);
      take_steps();
    }
    copies_.merge(node_->filter().copies);
    std::erase_if(copies_, [this](const auto& copy) {
      return copy.first <= disk_->applied().lsn && client_.below(2) == 0;
    });
    power_failure();
  }
  void take_steps() {
    std::uint64_t left = client_.below(60);
    loop_.run_until([&left] { return left-- == 0; });
  }
  void power_failure() {
    node_.reset();
    const std::uint64_t kind = client_.below(3);  // all is kept, all is lost, or this and that
    disk_->crash([this, kind] { return kind == 0 || (kind == 2 && client_.below(2) == 0); });
  }

  RandomClient client_;
  VirtualLoop loop_;
  std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
  std::unique_ptr<TestNode> node_;
  Filter::Copies copies_;
  std::map<std::string, std::string> portrait_;
};

/// UNDERSTUDY_SEEDS makes the test longer.
std::uint64_t seeds(std::uint64_t otherwise) {
  const char* text = std::getenv("UNDERSTUDY_SEEDS");
  return text == nullptr ? otherwise : std::stoull(text);
}

TEST(CrashProperty, MediumAndCopiesGiveBackTheTreeThatTheClientSaw) {
  for (std::uint64_t seed = 1; seed <= seeds(15) && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Crash(seed).run(5);
  }
}

/// The reachable part of a disk, as text.
std::map<std::string, std::string> contents(const MemoryDisk& disk) {
  std::map<std::string, std::string> text;
  for (const auto& [place, object] : disk.current().entries) {
    text["entry " + std::to_string(place.first) + ' ' + place.second] = std::to_string(object);
  }
  for (const auto& [id, object] : disk.current().objects) {
    std::vector<std::uint8_t> bytes = object.bytes;
    if (!object.directory) bytes.resize(object.state.size);
    const ObjectState& state = object.state;
    text["object " + std::to_string(id)] =
        std::string(as_text(bytes)) + ' ' + std::to_string(state.attributes) + ' ' +
        std::to_string(state.size) + ' ' + std::to_string(state.creation_time) + ' ' +
        std::to_string(state.access_time) + ' ' + std::to_string(state.write_time) + ' ' +
        std::to_string(state.change_time);
  }
  return text;
}

/// The same operations, flushed after each with the probability 1 in `every`, and in the end.
std::map<std::string, std::string> flushed(std::uint64_t seed, std::uint64_t every,
                                           Filter::Copies* copies = nullptr) {
  VirtualLoop loop;
  const auto disk = std::make_shared<MemoryDisk>();
  TestNode node(loop, disk);
  EXPECT_EQ(node.mount().status, Status::success);
  RandomClient client(seed);
  std::mt19937_64 dice(seed);
  for (int i = 0; i < 120; ++i) {
    client.step(node);
    loop.run_for(std::chrono::milliseconds(1));
    if (every != 0 && dice() % every == 0) {
      EXPECT_EQ(node.flush(), Status::success);
    }
  }
  if (copies != nullptr) *copies = node.filter().copies;
  EXPECT_EQ(node.flush(), Status::success);
  return contents(*disk);
}

TEST(Fold, OneBatchGivesTheSameMediumAsManyAndAsReplay) {
  for (std::uint64_t seed = 1; seed <= seeds(6); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Filter::Copies copies;
    const auto at_once = flushed(seed, 0, &copies);
    EXPECT_EQ(flushed(seed, 1), at_once);
    EXPECT_EQ(flushed(seed, 7), at_once);
    for (const bool each : {false, true}) {
      VirtualLoop loop;
      const auto disk = std::make_shared<MemoryDisk>();
      {
        TestNode first(loop, disk);  // so that the copies are of an older epoch
        EXPECT_EQ(first.mount().status, Status::success);
      }
      TestNode node(loop, disk);
      EXPECT_EQ(node.mount().status, Status::success);
      for (const auto& [lsn, record] : copies) {
        EXPECT_EQ(node.replay(record), Status::success);
        if (each) {
          EXPECT_EQ(node.flush(), Status::success);
        }
      }
      EXPECT_EQ(node.flush(), Status::success);
      EXPECT_EQ(contents(*disk), at_once);
    }
  }
}

TEST(Remount, OnARealDirectoryShowsTheSameTree) {
  const std::filesystem::path directory =
      std::filesystem::path(::testing::TempDir()) / ("fs_cache_" + std::to_string(getpid()));
  std::filesystem::create_directory(directory);
  const MediumFactory factory = [&directory](Seams& seams, std::string) -> std::unique_ptr<Medium> {
    return std::make_unique<PosixMedium>(seams, directory.string());
  };
  RandomClient client(4);
  VirtualLoop loop;
  for (int round = 0; round < 3; ++round) {
    TestNode node(loop, factory, LocalHost::small_sizes(), "a");
    ASSERT_EQ(node.mount().status, Status::success);
    client.expect_seen(node);
    for (int i = 0; i < 80; ++i) {
      client.step(node);
      loop.run_for(std::chrono::milliseconds(1));
      if (i % 20 == 0) {
        EXPECT_EQ(node.flush(), Status::success);
      }
    }
    const auto portrait = RandomClient::portrait(node);
    EXPECT_EQ(node.order(ClusterMinor::dismount), Status::success);
    EXPECT_EQ(node.mount().status, Status::success);
    EXPECT_EQ(RandomClient::portrait(node), portrait);
  }
  std::filesystem::remove_all(directory);
}

/// Sends whatever fits the moment, without waiting for what was sent before.
class Crowd {
 public:
  Crowd(std::uint64_t seed, TestNode& node) : random_(seed), node_(node) {
    for (const char* path : {"d", "e"}) node_.make_directory(path);
    data_ = node_.buffer(std::string(40'000, 'x'));
    room_ = node_.buffer({}, 65536);
    for (const char* path : kPaths) paths_.push_back(node_.buffer(path));
  }
  void send_one() {
    ++sent_;
    node_.filter().send(any(), [this](const Irp& done) {
      ++completed_;
      if (done.major == Major::create && ok(done.status)) opens_.push_back(done.open);
    });
  }
  bool idle() const { return completed_ == sent_; }
  void close_all() {
    for (const std::uint64_t open : opens_) static_cast<void>(node_.close(open));
  }

 private:
  static constexpr const char* kPaths[] = {"a",    "b",    "d\\a",    "d\\b", "e\\a", "e\\b",
                                           "d\\f", "e\\f", "d\\f\\a", "",     "d"};

  std::uint32_t below(std::size_t n) { return static_cast<std::uint32_t>(random_() % n); }

  Irp any() {
    static constexpr Major kMajors[] = {
        Major::create, Major::create, Major::write,           Major::read,
        Major::close,  Major::close,  Major::set_information, Major::query_directory};
    Irp irp = node_.irp(kMajors[below(std::size(kMajors))]);
    irp.open = opens_.empty() ? 0 : opens_[below(opens_.size())];
    const BufferRef path = paths_[below(paths_.size())];
    switch (irp.major) {
      case Major::create:
        irp.payload = path;
        irp.create.desired_access = access::kAllOfAFile;
        irp.create.share_access = TestNode::kShareAll;
        irp.create.create_disposition = below(6);
        irp.create.create_options = below(4) == 0 ? option::kDirectoryFile : 0;
        if (below(8) == 0) irp.create.create_options |= option::kDeleteOnClose;
        break;
      case Major::write:
        irp.payload = data_;
        irp.write.offset = below(100'000);
        break;
      case Major::read:
        irp.payload = room_;
        irp.read = {below(100'000), 40'000, 0};
        break;
      case Major::query_directory:
        irp.payload = room_;
        irp.directory.restart = below(2);
        irp.directory.wire_capacity = 65536;
        break;
      case Major::set_information:
        irp.minor = static_cast<std::uint8_t>(below(6));
        if (irp.minor <= 2) irp.payload = path;
        irp.set.replace = below(2);
        irp.set.delete_file = below(2);
        if (irp.minor >= 4) irp.set.size = below(100'000);
        break;
      default:
        break;
    }
    return irp;
  }

  std::mt19937_64 random_;
  TestNode& node_;
  BufferRef data_, room_;
  std::vector<BufferRef> paths_;
  std::vector<std::uint64_t> opens_;
  std::uint64_t sent_ = 0, completed_ = 0;
};

TEST(Crowd, ManyOperationsAtOnceWithALogThatIsAlwaysFull) {
  for (std::uint64_t seed = 1; seed <= seeds(10); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    VirtualLoop loop(seed);
    const auto disk = std::make_shared<MemoryDisk>();
    TestNode node(loop, disk, {8 * bounds::kMiB, 512 * bounds::kKiB, bounds::kMiB});
    ASSERT_EQ(node.mount(R"({"path": "/lun", "flush_interval_ms": 20})").status, Status::success);
    Crowd crowd(seed, node);
    for (int round = 0; round < 60; ++round) {
      for (int i = 0; i < 20; ++i) crowd.send_one();
      std::uint64_t left = seed * 7 % 50;
      loop.run_until([&left] { return left-- == 0; });
    }
    ASSERT_TRUE(loop.run_until([&crowd] { return crowd.idle(); }));
    crowd.close_all();
    const auto portrait = RandomClient::portrait(node);
    EXPECT_EQ(node.order(ClusterMinor::dismount), Status::success);
    EXPECT_EQ(node.mount().status, Status::success);
    EXPECT_EQ(RandomClient::portrait(node), portrait);
  }
}

}  // namespace
}  // namespace understudy
