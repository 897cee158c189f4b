#include "tests/sim/world.h"

#include "iomgr/check.h"

namespace understudy::sim {
namespace {

constexpr Duration kProgressLimit = std::chrono::seconds(90);
// Far beyond what a history takes: somebody runs in circles while the time stands still.
constexpr std::uint64_t kMostSteps = 2'000'000;
constexpr std::uint64_t kDiskBytes = std::uint64_t{1} << 40;

ClusterConfig config_of(const Settings& settings) {
  ClusterConfig config;
  config.nodes = {{"a", "10.0.0.1:445", "10.0.0.1:1", "10.0.0.1:2", {}},
                  {"b", "10.0.0.2:445", "10.0.0.2:1", "10.0.0.2:2", {}}};
  config.luns = {{"lun0", "share0", 0, "/lun0"}, {"lun1", "share1", 1, "/lun1"}};
  config.flush_interval_ms = settings.flush_interval_ms;
  config.lazy_writer_runs = settings.lazy_writer_runs;
  config.heartbeat_ms = settings.heartbeat_ms;
  config.failure_after_ms = settings.failure_after_ms;
  config.auto_giveback = settings.auto_giveback;
  config.storage_hang_ms = settings.storage_hang_ms;
  config.takeovers_per_hour = 1000;  // a history is short, and has many
  return config;
}

std::vector<std::shared_ptr<MemoryDisk>> make_disks(const ClusterConfig& config) {
  std::vector<std::shared_ptr<MemoryDisk>> disks;
  for (std::size_t i = 0; i < config.luns.size(); ++i)
    disks.push_back(std::make_shared<MemoryDisk>(kDiskBytes));
  return disks;
}

}  // namespace

World::World(Plan plan, std::function<void(const Event&)> on_event)
    : plan_(std::move(plan)),
      on_event_(std::move(on_event)),
      loop_(plan_.schedule),
      config_(config_of(plan_.settings)),
      disks_(make_disks(config_)),
      ledger_(disks_),
      hand_(loop_.make_executor()),
      hands_network_(wire_, *hand_, "person"),
      faults_(plan_.faults.size()) {
  wire_.passage = [this](const Route& route) { return passage(route); };
  for (std::uint32_t lun = 0; lun < disks_.size(); ++lun) {
    disks_[lun]->on_touch = [this, lun](MemoryDisk::Touch touch, const MemoryMedium& medium) {
      observe_disk(lun, touch, medium);
    };
    disks_[lun]->set_lock_guards(plan_.settings.medium_locks);
  }
}

World::~World() {
  // What is destroyed from here on closes its streams, and must not ask a world that is half gone.
  wire_.passage = nullptr;
  scope_.clear();
  for (const auto& disk : disks_) disk->on_touch = nullptr;
}

std::shared_ptr<MemoryDisk> World::disk_at(const std::string& path) const {
  for (std::size_t lun = 0; lun < disks_.size(); ++lun) {
    if (config_.luns.at(lun).directory == path) return disks_.at(lun);
  }
  UNDERSTUDY_CHECK(false);
}

Outcome World::run() {
  for (std::uint32_t node = 0; node < nodes_.size(); ++node) start_node(node);
  for (const PlannedClient& client : plan_.clients)
    clients_.push_back(
        std::make_unique<Client>(*this, static_cast<std::uint32_t>(clients_.size()), client));
  for (const auto& client : clients_) client->start();
  schedule_faults();
  later(plan_.settings.heal_at_ms, [this] { heal(); });
  const bool worked =
      run_until([this] { return settled(); },
                std::chrono::milliseconds(plan_.settings.heal_at_ms) + kProgressLimit);
  if (!worked) no_progress("the cluster does not come to rest");
  if (findings_.all().empty()) read_everything();
  if (findings_.all().empty()) stop_cluster();
  outcome_.findings = findings_.all();
  outcome_.operations = plan_.operations();
  outcome_.requests = ledger_.requests();
  outcome_.virtual_time = loop_.now();
  return std::move(outcome_);
}

void World::start_node(std::uint32_t index) {
  if (nodes_.at(index) != nullptr || stopping_) return;
  dark_.at(index) = false;
  wire_.passage_changed();
  if (memories_.at(index) == nullptr) {
    memories_.at(index) = std::make_shared<LocalMemory>(
        ArenaSizes{4 * bounds::kMiB, plan_.settings.unwritten_kib * bounds::kKiB,
                   plan_.settings.mirror_kib * bounds::kKiB});
  }
  nodes_.at(index) = std::make_unique<Node>(*this, index, ++lives_, memories_.at(index));
  Node& fresh = *nodes_.at(index);
  rejoin_at_ = loop_.now();
  emit({.what = What::node_started, .node = index, .life = fresh.life()});
  arm_points(fresh);
  fresh.start();
}

/// All its processes are gone.
void World::end_node(std::uint32_t index) {
  if (nodes_.at(index) == nullptr) return;
  const std::uint32_t life = nodes_.at(index)->life();
  nodes_.at(index).reset();
  emit({.what = What::node_died, .node = index, .life = life});
  Node* const other = nodes_.at(1 - index).get();
  if (other != nullptr && !dark_.at(index)) {
    if (const auto died = other->fence().take_watch())
      other->host().executor(Layer::cluster_app).post(died);
  }
  restart_later(index);
}

void World::restart_later(std::uint32_t index) {
  later(healed_ ? 1 : plan_.settings.restart_after_ms, [this, index] { start_node(index); });
}

void World::will_kill(std::uint32_t node) {
  if (nodes_.at(node) != nullptr) nodes_.at(node)->silence();
  to_kill_.insert(node);
}

void World::node_ended(Node& node, int exit_code, const std::string&) {
  exit_codes_.at(node.index()) = exit_code;
  // What ended in order may be switched off: no ledger allows a loss for that.
  if (exit_code == 0) memories_.at(node.index()).reset();
  will_kill(node.index());
}

/// Between two steps, where nobody's code is running: what was asked for from within is done.
bool World::attend() {
  while (!to_carry_out_.empty() || !to_kill_.empty()) {
    for (const std::size_t fault : std::exchange(to_carry_out_, {})) carry_out(fault);
    for (const std::uint32_t node : std::exchange(to_kill_, {})) end_node(node);
  }
  return !findings_.all().empty();
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
  Time next_look = loop_.now();
  const bool over = loop_.run_until(
      [&] {
        if (attend() || ++steps_ > kMostSteps) return true;
        if (loop_.now() < next_look) return false;
        next_look = loop_.now() + std::chrono::milliseconds(20);
        return done();
      },
      limit);
  return (over && steps_ <= kMostSteps) || done();
}

/// Everything is answered, and both nodes carry each other's copies again.
bool World::settled() const {
  if (!healed_) return false;
  for (const auto& client : clients_) {
    if (!client->done()) return false;
  }
  for (std::uint32_t lun = 0; lun < ledger_.luns(); ++lun) {
    if (!ledger_.lun(lun).holder || !ledger_.lun(lun).mirroring) return false;
  }
  return true;
}

void World::no_progress(const std::string& what) {
  if (!findings_.all().empty()) return;
  std::string text = what;
  for (const auto& client : clients_) {
    if (!client->done()) text += "; a client waits: " + client->doing();
  }
  for (std::uint32_t lun = 0; lun < ledger_.luns(); ++lun) {
    const Lun& each = ledger_.lun(lun);
    text += "; LUN " + std::to_string(lun) + (each.holder ? " has an owner" : " has no owner") +
            (each.mirroring ? ", mirrored" : ", not mirrored");
  }
  findings_.add(kProgress, text);
  tell_findings({});
}

void World::read_everything() {
  for (std::uint32_t lun = 0; lun < config_.luns.size(); ++lun) {
    auto reader = std::make_unique<Client>(*this, 100 + lun, PlannedClient{lun, 0, {}});
    reader->start_reading_all();
    clients_.push_back(std::move(reader));
  }
  const bool read = run_until(
      [this] {
        return std::all_of(clients_.begin(), clients_.end(),
                           [](const auto& client) { return client->done(); });
      },
      kProgressLimit);
  if (!read) no_progress("the share cannot be read at the end");
}

void World::stop_cluster() {
  stopping_ = true;
  exit_codes_ = {};
  for (const auto& node : nodes_) node->app().stop(true);
  const bool ended =
      run_until([this] { return nodes_[0] == nullptr && nodes_[1] == nullptr; }, kProgressLimit);
  if (!ended) no_progress("the cluster does not stop");
  for (const auto& code : exit_codes_) {
    if (findings_.all().empty() && code != 0) no_progress("a node does not stop in order");
  }
  if (!findings_.all().empty()) return;
  for (std::uint32_t lun = 0; lun < config_.luns.size(); ++lun) {
    disks_[lun]->crash([] { return false; });
    emit({.what = What::ended, .lun = lun});
  }
}

std::uint64_t World::request_sent(std::uint32_t client, std::uint32_t lun, std::uint64_t session,
                                  smb2::Command command, std::string text) {
  Request& request = ledger_.new_request();
  const std::uint64_t id = request.id;
  request = std::exchange(next_, {});
  request.id = id;
  request.client = client;
  request.lun = lun;
  request.text = std::move(text);
  request.known_before = ledger_.lun(lun).known;
  last_of_session_[static_cast<std::uint32_t>(session)] = {id, command == smb2::Command::close};
  emit({.what = What::sent, .lun = lun, .request = id});
  return id;
}

void World::request_over(std::uint64_t request, const SmbAnswer& answer) {
  const bool has_content = ledger_.request(request).is_read || ledger_.request(request).is_listing;
  emit({.what = answer.came ? What::answered : What::unanswered,
        .lun = ledger_.request(request).lun,
        .request = request,
        .status = answer.status,
        .bytes = has_content ? &answer.body : nullptr});
}

}  // namespace understudy::sim
