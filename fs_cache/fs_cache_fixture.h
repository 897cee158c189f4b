// What the tests of fs_cache stand on: a node of which only this layer is real. Above it a filter
// that passes everything on, keeps copies as the partner would, and lets the lazy writer pass as
// far as these go; below it a disk in memory.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fs_cache/file_constants.h"
#include "fs_cache/fs_cache.h"
#include "fs_cache/medium/memory_medium.h"
#include "iomgr/local/local_host.h"

namespace understudy {

/// The ff_driver of a test.
class Filter : public Driver {
 public:
  using Copies = std::map<Lsn, std::vector<std::uint8_t>>;

  explicit Filter(Seams seams) : Driver(Layer::ff_driver, seams) {
    on(Major::lazy_write, [this](Irp& irp) { return second_pass(irp); });
    on(Major::close, [this](Irp& irp) { return pass_down(irp); });
  }

  /// Sends an IRP down; `done` gets it completed.
  void send(Irp irp, std::function<void(const Irp&)> done) { spawn(run(irp, std::move(done))); }
  Irp make(Major major, std::uint8_t minor = 0) { return make_irp(major, minor); }

  Copies copies;          // what the partner has
  bool lets_pass = true;  // the lazy writer
  int second_passes = 0;
  Status second_pass_status = Status::success;

 private:
  Task<void> run(Irp irp, std::function<void(const Irp&)> done) {
    const Status status = co_await call(Layer::fs_cache, irp);
    static_cast<void>(status);
    if (irp.major == Major::mirror && ok(irp.status)) mirrored_ = irp.lsn;
    const bool mounted =
        irp.major == Major::cluster && irp.minor == static_cast<std::uint8_t>(ClusterMinor::mount);
    if (mounted && ok(irp.status)) mirrored_ = irp.mount.applied_lsn;
    if (irp.record.length > 0 && irp.major != Major::mirror) keep(irp);
    if (irp.major == Major::lazy_write && ok(irp.status)) purge(irp.lsn);
    done(irp);
  }
  /// The end of a durable open, from fs_cache itself.
  Task<Status> pass_down(Irp& irp) {
    const Status status = co_await call(Layer::fs_cache, irp);
    if (irp.record.length > 0) keep(irp);
    co_return status;
  }
  Task<Status> second_pass(Irp& irp) {
    ++second_passes;
    irp.lsn = lets_pass ? std::min(irp.lsn, mirrored_) : 0;
    second_pass_status = co_await call(Layer::fs_cache, irp);
    if (ok(second_pass_status)) purge(irp.lsn);
    co_return second_pass_status;
  }
  void keep(const Irp& irp) {
    const std::optional<Bytes> record = arena().bytes(irp.record);
    ASSERT_TRUE(record.has_value());
    copies[irp.lsn].assign(record->begin(), record->end());
    while (copies.contains(mirrored_ + 1)) ++mirrored_;
  }
  void purge(Lsn lsn) { copies.erase(copies.begin(), copies.upper_bound(lsn)); }

  Lsn mirrored_ = 0;
};

struct Listed {
  std::string name;
  FileFacts facts;
};

/// A node, its LUN 7 and one client.
class TestNode {
 public:
  static constexpr std::uint32_t kLun = 7;
  static constexpr std::uint32_t kAll = access::kAllOfAFile;
  static constexpr std::uint32_t kShareAll = share::kRead | share::kWrite | share::kDelete;

  TestNode(VirtualLoop& loop, std::shared_ptr<MemoryDisk> disk,
           ArenaSizes sizes = LocalHost::small_sizes(), std::string name = "a")
      : TestNode(
            loop,
            [disk](Seams& seams, std::string) -> std::unique_ptr<Medium> {
              return std::make_unique<MemoryMedium>(seams, disk);
            },
            sizes, std::move(name)) {}

  TestNode(VirtualLoop& loop, MediumFactory make_medium, ArenaSizes sizes, std::string name)
      : loop_(loop),
        host_(loop, wire_, std::move(name), std::make_shared<LocalMemory>(sizes)),
        filter_(std::make_unique<Filter>(host_.seams(Layer::ff_driver))),
        cache_(make_fs_cache(host_.seams(Layer::fs_cache), std::move(make_medium))),
        payloads_(host_.arena().region(Layer::netstack)),
        mirrored_(host_.arena().region(Layer::mirror_server)) {
    host_.link(*filter_, *cache_);
  }

  Filter& filter() { return *filter_; }
  FaultPoints& faults() { return host_.faults(Layer::fs_cache); }
  Arena& arena() { return host_.arena(); }
  VirtualLoop& loop() { return loop_; }

  /// Runs until the IRP completes.
  Irp run(Irp irp) {
    std::optional<Irp> completed = start(irp);
    if (!completed) ADD_FAILURE() << "an IRP does not complete: " << to_string(irp.major);
    last = completed.value_or(irp);
    return last;
  }
  std::optional<Irp> start(Irp irp) {
    std::optional<Irp> completed;
    const auto result = begin(irp);
    loop_.run_until([&] { return result->has_value(); });
    return *result;
  }
  /// What a pended IRP has completed with by now; STATUS_PENDING: it has not.
  Status now(const std::shared_ptr<std::optional<Irp>>& begun) {
    loop_.run_ready();
    return *begun ? (*begun)->status : Status::pending;
  }
  /// Sends it and runs nothing.
  std::shared_ptr<std::optional<Irp>> begin(Irp irp) {
    auto result = std::make_shared<std::optional<Irp>>();
    filter_->send(irp, [result](const Irp& done) { *result = done; });
    return result;
  }

  Irp irp(Major major, std::uint8_t minor = 0) {
    Irp made = filter_->make(major, minor);
    made.lun = kLun;
    return made;
  }
  Irp irp(SetMinor minor, std::uint64_t open) {
    Irp made = irp(Major::set_information, static_cast<std::uint8_t>(minor));
    made.open = open;
    return made;
  }
  Irp irp(ClusterMinor minor) { return irp(Major::cluster, static_cast<std::uint8_t>(minor)); }

  Irp run_with(Irp irp, std::string_view payload, std::uint32_t room = 0) {
    irp.payload = buffer(payload, room);
    const BufferRef block = irp.payload;
    const Irp done = run(irp);
    answer.assign(as_text(host_.arena().bytes(done.payload).value_or(Bytes{})));
    payloads_.free(block);
    return done;
  }
  BufferRef buffer(std::string_view text, std::uint32_t room = 0) {
    const std::optional<BufferRef> block =
        payloads_.allocate(std::max<std::uint64_t>({1, text.size(), room}));
    UNDERSTUDY_CHECK(block.has_value());
    BufferRef filled = *block;
    filled.length = static_cast<std::uint32_t>(text.size());
    std::copy(text.begin(), text.end(), host_.arena().room(filled)->begin());
    return filled;
  }
  void free(const BufferRef& block) { payloads_.free(block); }

  // Orders.
  Irp mount(std::string_view order = R"({"path": "/lun", "lazy_writer": "hold"})",
            bool accept_loss = false, std::uint32_t node = 0) {
    Irp made = irp(ClusterMinor::mount);
    made.mount.node = node;
    made.mount.accept_loss = accept_loss ? 1 : 0;
    return run_with(made, order);
  }
  Status order(ClusterMinor minor) { return run(irp(minor)).status; }
  Irp replay_irp(const std::vector<std::uint8_t>& record) {
    Irp made = irp(Major::mirror, static_cast<std::uint8_t>(MirrorMinor::replay));
    const std::optional<BufferRef> block = mirrored_.allocate(record.size());
    UNDERSTUDY_CHECK(block.has_value());
    made.record = *block;
    made.record.length = static_cast<std::uint32_t>(record.size());
    std::copy(record.begin(), record.end(), host_.arena().bytes(made.record)->begin());
    return made;
  }
  Status replay(const std::vector<std::uint8_t>& record) {
    const Irp made = replay_irp(record);
    const Status status = run(made).status;
    mirrored_.free(made.record);
    return status;
  }
  Status flush(Lsn upto = ~Lsn{0}) {
    Irp made = irp(Major::lazy_write);
    made.lsn = upto;
    return run(made).status;
  }

  // Operations of a client.
  struct OpenArguments {
    Disposition disposition = Disposition::open_if;
    std::uint32_t access = kAll;
    std::uint32_t share = kShareAll;
    std::uint32_t options = 0;
    std::uint32_t attributes = 0;
  };
  Status open(std::string_view path, OpenArguments arguments) {
    Irp made = irp(Major::create);
    made.create.desired_access = arguments.access;
    made.create.share_access = arguments.share;
    made.create.create_disposition = static_cast<std::uint32_t>(arguments.disposition);
    made.create.create_options = arguments.options;
    made.create.attributes = arguments.attributes;
    return run_with(made, path).status;
  }
  Status open(std::string_view path) { return open(path, OpenArguments{}); }
  /// The handle of a create that must succeed.
  std::uint64_t must_open(std::string_view path, OpenArguments arguments) {
    EXPECT_EQ(open(path, arguments), Status::success) << path;
    return last.open;
  }
  std::uint64_t must_open(std::string_view path) { return must_open(path, OpenArguments{}); }
  std::uint64_t must_open_directory(std::string_view path) {
    return must_open(path, {.options = option::kDirectoryFile});
  }
  Status close(std::uint64_t open) {
    Irp made = irp(Major::close);
    made.open = open;
    return run(made).status;
  }
  void make_directory(std::string_view path) {
    EXPECT_EQ(close(must_open_directory(path)), Status::success);
  }
  void make_file(std::string_view path, std::string_view content = {}) {
    const std::uint64_t handle = must_open(path);
    if (!content.empty()) {
      EXPECT_EQ(write(handle, 0, content), Status::success);
    }
    EXPECT_EQ(close(handle), Status::success);
  }
  Status write(std::uint64_t open, std::uint64_t offset, std::string_view data) {
    Irp made = irp(Major::write);
    made.open = open;
    made.write.offset = offset;
    return run_with(made, data).status;
  }
  Status write_zeros(std::uint64_t open, std::uint64_t offset, std::uint64_t length) {
    Irp made = irp(Major::write);
    made.open = open;
    made.write.offset = offset;
    made.write.zeros = length;
    return run(made).status;
  }
  Status read(std::uint64_t open, std::uint64_t offset, std::uint32_t length,
              std::uint32_t minimum = 0) {
    Irp made = irp(Major::read);
    made.open = open;
    made.read = {offset, length, minimum};
    return run_with(made, {}, length).status;
  }
  std::string content(std::string_view path) {
    if (open(path, {.disposition = Disposition::open, .access = access::kReadData}) !=
        Status::success)
      return "?";
    const std::uint64_t handle = last.open;
    const auto size = static_cast<std::uint32_t>(last.create.facts.size);
    const Status status = read(handle, 0, size);
    const std::string text = ok(status) ? answer : std::string(to_string(status));
    EXPECT_EQ(close(handle), Status::success);
    return text;
  }
  Status set_size(std::uint64_t open, std::uint64_t size) {
    Irp made = irp(SetMinor::end_of_file, open);
    made.set.size = size;
    return run(made).status;
  }
  Status rename(std::uint64_t open, std::string_view path, bool replace = false) {
    Irp made = irp(SetMinor::rename, open);
    made.set.replace = replace ? 1 : 0;
    return run_with(made, path).status;
  }
  Status link(std::uint64_t open, std::string_view path, bool replace = false) {
    Irp made = irp(SetMinor::link, open);
    made.set.replace = replace ? 1 : 0;
    return run_with(made, path).status;
  }
  Status dispose(std::uint64_t open, bool remove = true) {
    Irp made = irp(SetMinor::disposition, open);
    made.set.delete_file = remove ? 1 : 0;
    return run(made).status;
  }
  Status set_attributes(std::uint64_t open, std::uint32_t attributes) {
    Irp made = irp(SetMinor::basic, open);
    made.set.attributes = attributes;
    return run(made).status;
  }
  Status remove(std::string_view path) {
    const Status opened = open(path, {.disposition = Disposition::open, .access = access::kDelete});
    if (failed(opened)) return opened;
    const std::uint64_t handle = last.open;
    const Status marked = dispose(handle);
    const Status closed = close(handle);
    return failed(marked) ? marked : closed;
  }
  FileFacts facts(std::string_view path) {
    EXPECT_EQ(open(path, {.disposition = Disposition::open, .access = access::kReadAttributes}),
              Status::success)
        << path;
    const FileFacts facts = last.create.facts;
    EXPECT_EQ(close(last.open), Status::success);
    return facts;
  }
  /// Names and sizes of the named streams.
  std::map<std::string, std::uint64_t> streams(std::string_view path) {
    Irp made = irp(Major::query_information, static_cast<std::uint8_t>(QueryMinor::streams));
    made.open =
        must_open(path, {.disposition = Disposition::open, .access = access::kReadAttributes});
    EXPECT_EQ(run_with(made, {}, 65536).status, Status::success);
    std::map<std::string, std::uint64_t> named;
    for (std::size_t at = 0; at + sizeof(StreamEntry) <= answer.size();) {
      StreamEntry entry;
      std::memcpy(&entry, answer.data() + at, sizeof entry);
      const std::string name = answer.substr(at + sizeof entry, entry.name_length);
      if (name != "::$DATA") named[name.substr(1, name.size() - 7)] = entry.bytes;
      at += entry.size;
    }
    EXPECT_EQ(close(made.open), Status::success);
    return named;
  }
  Irp query_directory(std::uint64_t open, std::string_view pattern = "*",
                      std::uint32_t room = 65536) {
    Irp made = irp(Major::query_directory);
    made.open = open;
    made.directory.entry_overhead = 104;
    made.directory.wire_capacity = room;
    return run_with(made, pattern, room);
  }
  /// The entries of the last answer.
  std::vector<Listed> listed() const {
    std::vector<Listed> entries;
    for (std::size_t at = 0; at + sizeof(DirectoryEntry) <= answer.size();) {
      DirectoryEntry entry;
      std::memcpy(&entry, answer.data() + at, sizeof entry);
      entries.push_back({answer.substr(at + sizeof entry, entry.name_length), entry.facts});
      at += entry.size;
    }
    return entries;
  }
  /// All names of a directory, without `.` and `..`.
  std::vector<Listed> list(std::string_view path, std::string_view pattern = "*") {
    std::vector<Listed> all;
    const std::uint64_t handle =
        must_open(path, {.disposition = Disposition::open, .access = access::kReadData});
    while (ok(query_directory(handle, pattern).status)) {
      for (const Listed& entry : listed()) {
        if (entry.name != "." && entry.name != "..") all.push_back(entry);
      }
    }
    EXPECT_EQ(close(handle), Status::success);
    return all;
  }

  Irp last;            // as it completed
  std::string answer;  // its payload

 private:
  VirtualLoop& loop_;
  Wire wire_;
  LocalHost host_;
  std::unique_ptr<Filter> filter_;
  std::unique_ptr<Driver> cache_;
  RegionAllocator payloads_;
  RegionAllocator mirrored_;
};

/// A mounted node on an empty disk.
class FsCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    node = std::make_unique<TestNode>(loop, disk);
    ASSERT_EQ(node->mount().status, Status::success);
  }
  /// The node dies and another one takes the LUN over, with the partner's copies.
  void take_over() {
    const auto copies = node->filter().copies;
    node.reset();
    node = std::make_unique<TestNode>(loop, disk, LocalHost::small_sizes(), "b");
    ASSERT_EQ(node->mount().status, Status::success);
    const Lsn applied = node->last.mount.applied_lsn;
    for (const auto& [lsn, record] : copies) {
      if (lsn > applied) {
        ASSERT_EQ(node->replay(record), Status::success);
      }
    }
  }

  VirtualLoop loop;
  std::shared_ptr<MemoryDisk> disk = std::make_shared<MemoryDisk>();
  std::unique_ptr<TestNode> node;
};

}  // namespace understudy
