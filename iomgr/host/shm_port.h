// Port between two processes: a ring in the arena for each direction, and a socket as doorbell.
//
//     one ── push ──► ring one->other ── pop ──► other        one: the layer with the smaller
//     number
//         ◄── pop ─── ring other->one ◄── push ──
//         ◄══ one byte when the other side sleeps ══►          doorbell: a socketpair
//
// A push costs a system call only when the consumer sleeps. The kernel closes the doorbell of a
// process that dies, however it dies; the other side then takes what is left in the ring and
// reports the link broken.
#pragma once

#include <memory>
#include <utility>

#include "iomgr/arena.h"
#include "iomgr/host/asio_executor.h"
#include "iomgr/host/unique_fd.h"
#include "iomgr/port.h"
#include "iomgr/result.h"

namespace understudy {

class ShmPort : public Port {
 public:
  /// The end of `own` of its link to `neighbour`, which must be one of house_links(). `doorbell` is
  /// one end of make_doorbell(). Neither arena nor executor may go before the port.
  ShmPort(AsioExecutor& executor, const Arena& arena, Layer own, Layer neighbour,
          UniqueFd doorbell);
  ~ShmPort() override;
  ShmPort(const ShmPort&) = delete;
  ShmPort& operator=(const ShmPort&) = delete;

  Send send(const Irp& irp) override;
  void open(std::function<void(const Irp&)> receive, std::function<void()> broken) override;

 private:
  class End;
  std::shared_ptr<End> end_;
};

/// The two ends of a new doorbell, close-on-exec. STATUS_TOO_MANY_OPENED_FILES when there are none
/// left.
Result<std::pair<UniqueFd, UniqueFd>> make_doorbell();

}  // namespace understudy
