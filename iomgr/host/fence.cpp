#include "iomgr/host/fence.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>

#include "iomgr/host/asio_await.h"
#include "iomgr/host/pidfd.h"

namespace understudy {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;
using Descriptors = std::vector<std::shared_ptr<Descriptor>>;

/// Opens the process if it is there and is the one meant; else counts in `report` what became of
/// it.
UniqueFd open_process(const ProcessIdentity& process, FenceReport& report) {
  UniqueFd pidfd = open_pidfd(process.pid);
  if (!pidfd) {
    ++(errno == ESRCH ? report.gone_before : report.not_confirmed);
    return {};
  }
  // In this order: the descriptor holds on to one process, so the answer is about that one or a
  // later one.
  const auto start_time = start_time_of(process.pid);
  if (start_time == process.start_time) return pidfd;
  if (start_time) {
    ++report.not_the_same;
  } else {
    // Just ended, or /proc hides the processes of others.
    ++(has_ended(pidfd.get()) ? report.gone_before : report.not_confirmed);
  }
  return {};
}

/// Waits until the process has ended or `expired` closes the descriptor.
Task<void> wait_until_gone(std::shared_ptr<Descriptor> process, FenceReport& report) {
  if (!has_ended(process->native_handle())) {
    auto ending =
        await_asio([&](auto done) { process->async_wait(Descriptor::wait_read, std::move(done)); },
                   [&] {
                     boost::system::error_code ignored;
                     process->cancel(ignored);
                   });
    co_await ending;
  }
  ++(has_ended(process->native_handle()) ? report.killed : report.not_confirmed);
}

}  // namespace

Task<FenceReport> fence(AsioExecutor& executor, std::vector<ProcessIdentity> processes,
                        Duration limit) {
  FenceReport report;
  std::vector<UniqueFd> pidfds;
  for (const ProcessIdentity& process : processes) {
    UniqueFd pidfd = open_process(process, report);
    if (pidfd && has_ended(pidfd.get())) {
      ++report.gone_before;  // a zombie
    } else if (pidfd) {
      pidfds.push_back(std::move(pidfd));
    }
  }
  Descriptors dying;
  for (UniqueFd& pidfd : pidfds) {
    if (kill_by_pidfd(pidfd.get()) || errno == ESRCH) {
      dying.push_back(std::make_shared<Descriptor>(executor.context(), pidfd.release()));
    } else {
      ++report.not_confirmed;
    }
  }
  const auto deadline = executor.start_timer(executor.now() + limit, [dying] {
    boost::system::error_code ignored;
    for (const auto& process : dying) process->cancel(ignored);
  });
  for (const auto& process : dying) co_await wait_until_gone(process, report);
  executor.cancel_timer(deadline);
  report.confirmed = report.not_confirmed == 0;
  co_return report;
}

}  // namespace understudy
