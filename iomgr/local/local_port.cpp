#include "iomgr/local/local_port.h"

#include <deque>

namespace understudy {
namespace {

/// What one end receives from.
struct Inbox {
  Executor* executor;
  bool alive = true;
  std::deque<Irp> waiting;
  std::function<void(const Irp&)> receive;
  std::function<void()> broken;
};

class LocalPort : public Port {
 public:
  LocalPort(std::shared_ptr<Inbox> own, std::shared_ptr<Inbox> peer)
      : own_(std::move(own)), peer_(std::move(peer)) {}

  ~LocalPort() override {
    own_->alive = false;
    if (!peer_->alive) return;
    peer_->executor->post([peer = peer_] {
      if (peer->alive && peer->broken) peer->broken();
    });
  }

  Send send(const Irp& irp) override {
    if (!peer_->alive) return Send::broken;
    if (peer_->waiting.size() >= bounds::kRingSlots) return Send::full;
    peer_->waiting.push_back(irp);
    peer_->executor->post([peer = peer_] { deliver_one(*peer); });
    return Send::sent;
  }

  void open(std::function<void(const Irp&)> receive, std::function<void()> broken) override {
    own_->receive = std::move(receive);
    own_->broken = std::move(broken);
  }

 private:
  static void deliver_one(Inbox& inbox) {
    if (!inbox.alive || inbox.waiting.empty()) return;
    const Irp irp = inbox.waiting.front();
    inbox.waiting.pop_front();
    if (inbox.receive) inbox.receive(irp);
  }

  std::shared_ptr<Inbox> own_;
  std::shared_ptr<Inbox> peer_;
};

}  // namespace

std::pair<std::unique_ptr<Port>, std::unique_ptr<Port>> make_local_link(Executor& one,
                                                                        Executor& other) {
  auto inbox_one = std::make_shared<Inbox>(Inbox{&one, true, {}, {}, {}});
  auto inbox_other = std::make_shared<Inbox>(Inbox{&other, true, {}, {}, {}});
  return {std::make_unique<LocalPort>(inbox_one, inbox_other),
          std::make_unique<LocalPort>(inbox_other, inbox_one)};
}

}  // namespace understudy
