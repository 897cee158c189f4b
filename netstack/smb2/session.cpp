#include "netstack/smb2/session.h"

#include <algorithm>

#include "iomgr/bounds.h"
#include "iomgr/check.h"
#include "netstack/netstack.h"
#include "netstack/smb2/connection.h"

namespace understudy::smb2 {

Session::Session(std::uint64_t id, Connection& connection)
    : channels{{&connection, nullptr}}, negotiation(connection.negotiation), id_(id) {}

Channel* Session::find_channel(const Connection& connection) {
  const auto found =
      std::find_if(channels.begin(), channels.end(),
                   [&connection](const Channel& each) { return each.connection == &connection; });
  return found == channels.end() ? nullptr : &*found;
}

void Session::remove_channel(const Connection& connection) {
  std::erase_if(channels,
                [&connection](const Channel& each) { return each.connection == &connection; });
}

Result<std::shared_ptr<Tree>> Session::add_tree(const Share& share) {
  if (trees_.size() >= bounds::kMaxTreesPerSession) return Status::insufficient_resources;
  do {
    ++next_tree_id_;
  } while (next_tree_id_ == 0 || next_tree_id_ == ~std::uint32_t{0} ||
           trees_.contains(next_tree_id_));
  auto tree = std::make_shared<Tree>(Tree{next_tree_id_, share, static_cast<std::uint32_t>(id_)});
  trees_.emplace(tree->id, tree);
  return tree;
}

std::shared_ptr<Tree> Session::find_tree(std::uint32_t id) const {
  const auto found = trees_.find(id);
  return found == trees_.end() ? nullptr : found->second;
}

void Session::remove_tree(Tree& tree) {
  tree.connected = false;
  trees_.erase(tree.id);
}

bool Session::may_open() const {
  return opens_.size() < bounds::kMaxOpensPerSession;
}

bool Session::may_open_pipe() const {
  const auto pipes =
      std::ranges::count_if(opens_, [](const auto& each) { return each.second->pipe != nullptr; });
  return pipes < bounds::kMaxPipesPerSession;
}

void Session::add_open(std::shared_ptr<Open> open, std::uint64_t persistent_id) {
  open->id = {persistent_id, ++next_open_id_};
  opens_.emplace(open->id.of_session, std::move(open));
}

std::shared_ptr<Open> Session::find_open(FileId id) const {
  const auto found = opens_.find(id.of_session);
  const bool right = found != opens_.end() && found->second->id.persistent == id.persistent;
  return right ? found->second : nullptr;
}

std::shared_ptr<Open> Session::find_handle(std::uint32_t lun, std::uint64_t handle) const {
  for (const auto& [id, open] : opens_) {
    if (open->pipe == nullptr && open->handle == handle && open->tree->share.lun == lun)
      return open;
  }
  return nullptr;
}

void Session::remove_open(const Open& open) {
  opens_.erase(open.id.of_session);
}

Task<void> Session::close_opens(Netstack& netstack, const Tree* tree) {
  // Out of the table first: while one is being closed the client can use none of the others.
  std::vector<std::shared_ptr<Open>> closing;
  for (auto at = opens_.begin(); at != opens_.end();) {
    if (tree == nullptr || at->second->tree.get() == tree) {
      closing.push_back(std::move(at->second));
      at = opens_.erase(at);
    } else {
      ++at;
    }
  }
  for (const std::shared_ptr<Open>& open : closing) {
    CloseParameters parameters{};
    const Status status = co_await close_handle(netstack, *open, parameters);
    static_cast<void>(status);  // a detached LUN has closed them itself
  }
}

Task<Status> close_handle(Netstack& netstack, const Open& open, CloseParameters& parameters) {
  if (open.pipe != nullptr) co_return Status::success;
  Irp irp = netstack.irp(Major::close, *open.tree);
  irp.open = open.handle;
  irp.close = parameters;
  const Status status = co_await netstack.ask(irp);
  parameters = irp.close;
  co_return status;
}

}  // namespace understudy::smb2
