#include "netstack/smb2/session.h"

#include <algorithm>

#include "iomgr/bounds.h"
#include "iomgr/check.h"
#include "iomgr/unicode.h"
#include "netstack/netstack.h"
#include "netstack/smb2/connection.h"

namespace understudy::smb2 {

Session::Session(std::uint64_t id, Connection& connection)
    : channels{{&connection, nullptr}},
      negotiation(connection.negotiation),
      begun(connection.netstack().executor().now()),
      id_(id) {}

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

Connection* Session::open_channel(const Connection* but) const {
  const auto found = std::find_if(channels.begin(), channels.end(), [but](const Channel& each) {
    return each.connection != but && !each.connection->closed();
  });
  return found == channels.end() ? nullptr : found->connection;
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

void Session::add_open(std::shared_ptr<Open> open, std::uint64_t random) {
  open->id = {open->durable() ? open->handle : random, ++next_open_id_};
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

std::shared_ptr<Open> Session::find_application(const DurableRequest& theirs, std::uint32_t lun,
                                                std::string_view path) const {
  const auto& client = negotiation->client_guid;
  if (std::equal(client.begin(), client.end(), std::begin(theirs.client_guid))) return nullptr;
  for (const auto& [id, open] : opens_) {
    const auto& ours = open->durability.request.app_instance;
    if (std::equal(std::begin(ours), std::end(ours), std::begin(theirs.app_instance)) &&
        open->pipe == nullptr && open->tree->share.lun == lun && fold(open->path) == path) {
      return open;
    }
  }
  return nullptr;
}

void Session::remove_open(const Open& open) {
  const auto found = opens_.find(open.id.of_session);
  if (found == opens_.end()) return;
  found->second->place.leave();
  opens_.erase(found);
}

/// Out of the table before the first is closed: meanwhile the client can use none of the others.
std::vector<std::shared_ptr<Open>> Session::take_opens(const Tree* tree) {
  std::vector<std::shared_ptr<Open>> taken;
  for (auto at = opens_.begin(); at != opens_.end();) {
    if (tree == nullptr || at->second->tree.get() == tree) {
      at->second->place.leave();
      taken.push_back(std::move(at->second));
      at = opens_.erase(at);
    } else {
      ++at;
    }
  }
  return taken;
}

Task<void> Session::leave_opens(Netstack& netstack) {
  const std::vector<std::shared_ptr<Open>> left = take_opens(nullptr);
  for (const std::shared_ptr<Open>& open : left) {
    if (open->durable() && open->in_use > 0) {
      Event unused(netstack.executor());
      open->unused = &unused;
      co_await unused.wait();
      open->unused = nullptr;
    }
    CloseParameters parameters{};
    parameters.client_gone = 1;
    const Status status = co_await close_handle(netstack, *open, parameters);
    static_cast<void>(status);  // a detached LUN has closed them itself
  }
}

Task<void> Session::close_opens(Netstack& netstack, const Tree& tree) {
  const std::vector<std::shared_ptr<Open>> closing = take_opens(&tree);
  for (const std::shared_ptr<Open>& open : closing) {
    CloseParameters parameters{};
    const Status status = co_await close_handle(netstack, *open, parameters);
    static_cast<void>(status);
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
