// What the tests of the medium share: a temporary LUN, flushes made by hand, a picture of the tree
// as the medium lists it.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "fs_cache/file_constants.h"
#include "fs_cache/medium/posix_medium.h"
#include "iomgr/local/local_host.h"

namespace understudy::medium_test {

inline constexpr std::uint64_t kSomeDay =
    133'800'000'000'000'000;  // FILETIME, 2024-12-29 10:40 UTC

/// In memory a test does not wait for a disk; it is `disk` too where tmpfs has no extended
/// attributes (Linux 6.6).
enum class Storage { memory, disk };

class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(Storage storage = Storage::memory) {
    if (storage == Storage::memory && make("/dev/shm/") &&
        setxattr(path_.c_str(), "user.probe", "", 0, 0) == 0)
      return;
    if (!path_.empty()) std::filesystem::remove(path_);
    EXPECT_TRUE(make(testing::TempDir()));
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  bool make(const std::string& where) {
    path_ = where + "understudy-medium-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) path_.clear();
    return !path_.empty();
  }
  std::string path_;
};

/// Counts what is offloaded, and passes everything on.
class CountingExecutor : public Executor {
 public:
  explicit CountingExecutor(std::unique_ptr<Executor> inner) : inner_(std::move(inner)) {}
  void post(std::function<void()> work) override { inner_->post(std::move(work)); }
  TimerId start_timer(Time deadline, std::function<void()> work) override {
    return inner_->start_timer(deadline, std::move(work));
  }
  void cancel_timer(TimerId timer) override { inner_->cancel_timer(timer); }
  Time now() const override { return inner_->now(); }
  FileTime wall_time() const override { return inner_->wall_time(); }
  void offload(std::function<void()> work, std::function<void()> done) override {
    ++offloads;
    inner_->offload(std::move(work), std::move(done));
  }
  int offloads = 0;

 private:
  std::unique_ptr<Executor> inner_;
};

/// The seams of a layer with another executor.
inline Seams with_executor(Seams seams, Executor& executor) {
  return {executor, seams.network, seams.random, seams.arena, seams.trace, seams.faults, seams.log};
}

/// One process's view of a LUN.
class Mount {
 public:
  explicit Mount(const std::string& path)
      : medium(with_executor(host_.seams(Layer::fs_cache), executor), path) {}

  template <typename T>
  T run(Task<T> task) {
    std::optional<T> out;
    TaskScope scope;
    scope.spawn(store(std::move(task), out));
    loop_.run_until([&out] { return out.has_value(); });
    return std::move(out.value());
  }
  void run(Task<void> task) {
    bool done = false;
    TaskScope scope;
    scope.spawn(mark(std::move(task), done));
    loop_.run_until([&done] { return done; });
  }
  FaultPoints& faults() { return host_.faults(Layer::fs_cache); }

 private:
  template <typename T>
  static Task<void> store(Task<T> task, std::optional<T>& out) {
    T value = co_await task;
    out.emplace(std::move(value));
  }
  static Task<void> mark(Task<void> task, bool& done) {
    co_await task;
    done = true;
  }

  VirtualLoop loop_;
  Wire wire_;
  LocalHost host_{loop_, wire_, "a"};

 public:
  CountingExecutor executor{loop_.make_executor()};
  PosixMedium medium;
};

/// The cells of one prefix, and whose orphans go afterwards.
struct Flush {
  std::vector<ObjectCells> objects;
  std::vector<EntryCell> entries;
  std::vector<ObjectId> removed;
  std::uint64_t lsn = 0;
  std::vector<PropertyCell> properties = {};
};

inline PropertyCell property(PropertyKind kind, std::uint64_t id, std::string_view value) {
  const ConstBytes bytes = as_bytes(value);
  return {kind, id, {bytes.begin(), bytes.end()}};
}

inline ObjectState file_state(std::uint64_t size) {
  return {size, attribute::kArchive, kSomeDay, kSomeDay + 1, kSomeDay + 2, kSomeDay + 3};
}

inline ObjectState directory_state() {
  return {0, attribute::kDirectory, kSomeDay, kSomeDay, kSomeDay, kSomeDay};
}

inline ObjectCells new_file(ObjectId id, std::string_view content) {
  ObjectCells cells;
  cells.object = id;
  cells.create = true;
  cells.data = {{0, as_bytes(content)}};
  cells.state = file_state(content.size());
  return cells;
}

inline ObjectCells new_directory(ObjectId id) {
  ObjectCells cells;
  cells.object = id;
  cells.create = true;
  cells.directory = true;
  cells.state = directory_state();
  return cells;
}

/// Steps 1 to 5 and 7 of a flush, until one fails.
inline Task<Status> apply(Medium& medium, const Flush& flush) {
  std::vector<ObjectId> objects;
  for (const ObjectCells& cells : flush.objects) objects.push_back(cells.object);
  std::vector<ObjectId> directories;
  for (const EntryCell& entry : flush.entries) directories.push_back(entry.directory);
  Status status = co_await medium.write_objects(flush.objects);
  if (failed(status)) co_return status;
  status = co_await medium.sync_objects(objects);
  if (failed(status)) co_return status;
  if (!flush.properties.empty()) status = co_await medium.write_properties(flush.properties);
  if (failed(status)) co_return status;
  status = co_await medium.write_entries(flush.entries);
  if (failed(status)) co_return status;
  status = co_await medium.sync_directories(directories);
  if (failed(status)) co_return status;
  Applied applied;
  applied.epoch = 1;
  applied.lsn = flush.lsn;
  status = co_await medium.write_applied(applied);
  if (failed(status)) co_return status;
  status = co_await medium.remove_objects(flush.removed);
  co_return status;
}

inline Task<Status> mount(Medium& medium) {
  const Status locked = co_await medium.lock();
  if (failed(locked)) co_return locked;
  const Status recovered = co_await medium.recover();
  co_return recovered;
}

inline std::string content_of(Mount& lun, ObjectId object, std::uint64_t size) {
  std::string content(size, '?');
  const Result<std::size_t> count = lun.run(lun.medium.read(
      object, 0, {reinterpret_cast<std::uint8_t*>(content.data()), content.size()}));
  if (!count) return std::string(to_string(count.status()));
  content.resize(*count);
  return content;
}

/// Path -> object, links, attributes, times and content, of everything below a directory.
inline void picture_into(Mount& lun, ObjectId directory, const std::string& path,
                         std::map<std::string, std::string>& out) {
  const auto entries = lun.run(lun.medium.list(directory));
  if (!entries) {
    out[path] = to_string(entries.status());
    return;
  }
  for (const ListedEntry& entry : *entries) {
    const ObjectState& state = entry.state;
    std::string text;
    for (const std::uint64_t number :
         {entry.object, std::uint64_t{entry.links}, std::uint64_t{state.attributes}, state.size,
          state.creation_time, state.access_time, state.write_time, state.change_time}) {
      text += std::to_string(number) + " ";
    }
    const bool is_directory = (state.attributes & attribute::kDirectory) != 0;
    if (!is_directory) text += content_of(lun, entry.object, state.size);
    out[path + "/" + entry.name] = text;
    if (is_directory) picture_into(lun, entry.object, path + "/" + entry.name, out);
  }
}

inline std::map<std::string, std::string> picture(Mount& lun) {
  std::map<std::string, std::string> out;
  picture_into(lun, kRootObject, "", out);
  for (const PropertyKind kind :
       {PropertyKind::security_descriptor, PropertyKind::extended_attributes, PropertyKind::open}) {
    const auto listed = lun.run(lun.medium.list_properties(kind));
    EXPECT_TRUE(listed);
    for (const PropertyCell& cell : *listed) {
      out["property " + std::to_string(static_cast<int>(kind)) + " of " + std::to_string(cell.id)] =
          as_text(cell.bytes);
    }
  }
  return out;
}

inline std::size_t count_names(const std::string& folder) {
  const std::filesystem::directory_iterator names(folder);
  return static_cast<std::size_t>(std::distance(begin(names), end(names)));
}

/// Runs `child` in a process of its own; its id.
template <typename Child>
pid_t start_process(Child child) {
  const pid_t process = fork();
  if (process == 0) {
    child();
    _exit(0);
  }
  return process;
}

/// How it ended, as waitpid tells.
inline int wait_for(pid_t process) {
  int how = 0;
  while (waitpid(process, &how, 0) < 0 && errno == EINTR) {
  }
  return how;
}

}  // namespace understudy::medium_test
