#include "fs_cache/lazy_writer.h"

namespace understudy {
namespace {

// So much of the region in one volume's log is written without waiting for the interval.
constexpr std::uint64_t kShareOfRegion = 4;
// While somebody waits for room and ff_driver could not let anything be written yet (not mirrored),
// or the medium refused it, ask again so often.
constexpr Duration kAskAgain = std::chrono::milliseconds(5);
constexpr Duration kAfterFailure = std::chrono::milliseconds(200);

}  // namespace

LazyWriter::LazyWriter(Executor& executor, const UnwrittenCache& cache,
                       std::shared_ptr<const LogSpace> space, LazyWriterOptions options)
    : executor_(executor),
      cache_(cache),
      space_(std::move(space)),
      options_(options),
      unwritten_(executor),
      hurry_(executor) {}

void LazyWriter::stop() {
  stopped_ = true;
  unwritten_.set();
  hurry_.set();
}

void LazyWriter::notice() {
  if (!unwritten_.is_set()) unwritten_.set();
  const bool much = !options_.hold && cache_.bytes() > space_->size() / kShareOfRegion;
  if (much || space_->pressed()) hurry();
}

void LazyWriter::hurry() {
  if (!hurry_.is_set() && !cache_.empty()) hurry_.set();
}

Task<void> LazyWriter::wait_for_work() {
  co_await unwritten_.wait();
  if (options_.hold) {
    co_await hurry_.wait();
  } else {
    const Time due = executor_.now() + options_.interval;
    const bool hurried = co_await hurry_.wait_until(due);
    static_cast<void>(hurried);
  }
  hurry_.reset();
}

Task<void> LazyWriter::run(SendUp send_up) {
  while (!stopped_) {
    co_await wait_for_work();
    if (stopped_) break;
    unwritten_.reset();
    if (cache_.empty()) continue;
    const std::uint64_t before = cache_.bytes();
    const Status status = co_await send_up(cache_.last());
    if (!cache_.empty()) unwritten_.set();
    if (!space_->pressed()) continue;
    if (failed(status) || cache_.bytes() >= before) {
      const Time again = executor_.now() + (failed(status) ? kAfterFailure : kAskAgain);
      sleep_until pause{executor_, again};
      co_await pause;
    }
    hurry_.set();
  }
}

}  // namespace understudy
