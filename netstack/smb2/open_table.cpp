#include "netstack/smb2/open_table.h"

#include <algorithm>

namespace understudy::smb2 {

OpenTable::Key OpenTable::key_of(const Caching& lease) {
  Key key;
  std::copy(std::begin(lease.client), std::end(lease.client), key.first.begin());
  std::copy(std::begin(lease.key), std::end(lease.key), key.second.begin());
  return key;
}

std::shared_ptr<Caching> OpenTable::share(const Caching& granted) {
  if (granted.kind != Caching::lease) return std::make_shared<Caching>(granted);
  std::shared_ptr<Caching> lease = find_lease(granted);
  if (lease == nullptr) {
    const Key key = key_of(granted);
    lease = std::shared_ptr<Caching>(new Caching, [this, key](const Caching* last) {
      const auto found = leases_.find(key);
      if (found != leases_.end() && found->second.expired()) leases_.erase(found);
      delete last;
    });
    leases_.insert_or_assign(key, lease);
  }
  *lease = granted;
  return lease;
}

std::shared_ptr<Caching> OpenTable::find_lease(const Caching& lease) const {
  const auto found = leases_.find(key_of(lease));
  return found == leases_.end() ? nullptr : found->second.lock();
}

}  // namespace understudy::smb2
