// A simulated client: does the operations of its plan one after the other, over SMB, through the
// simulated network. When its connection dies it connects to the same address again and tries the
// unanswered operation once more, as real clients do.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "iomgr/local/local_network.h"
#include "iomgr/local/virtual_loop.h"
#include "iomgr/sync.h"
#include "tests/sim/plan.h"
#include "tests/sim/smb_dialogue.h"

namespace understudy::sim {

class World;

class Client {
 public:
  Client(World& world, std::uint32_t number, PlannedClient plan);
  ~Client() { scope_.clear(); }

  void start() { scope_.spawn(run()); }
  /// Reads every file and lists every directory of its share, and closes: how a history ends.
  void start_reading_all() { scope_.spawn(read_all()); }
  bool done() const { return done_; }
  /// What it waits for, for people.
  const std::string& doing() const { return doing_; }

 private:
  /// One connection; a new one starts from nothing.
  struct Connection {
    std::shared_ptr<Stream> stream;
    SmbDialogue dialogue;
    std::map<std::string, smb2::FileId> opens;  // kept open, by path
  };
  /// What came of one operation.
  enum class Outcome { finished, lost };

  Task<void> run();
  Task<void> read_all();
  Task<Outcome> read_tree();

  Task<void> connect();
  Task<bool> log_on();
  Task<SmbAnswer> exchange(smb2::Octets frame);
  Task<SmbAnswer> ask(smb2::Command command, smb2::Octets body, const std::string& text);
  void hang_up();

  Task<Outcome> perform(PlannedOperation operation);
  Task<Outcome> act(const PlannedOperation& operation, smb2::FileId file);
  Task<SmbAnswer> open(const PlannedOperation& operation, const std::string& text);
  Task<Outcome> close(smb2::FileId file);
  Task<SmbAnswer> read(smb2::FileId file, std::uint64_t offset, std::uint64_t length,
                       const std::string& text);
  Task<SmbAnswer> list(smb2::FileId directory, const std::string& text);
  smb2::Octets data_for(std::uint64_t offset, std::uint64_t length) const;

  World& world_;
  const std::uint32_t number_;
  const PlannedClient plan_;
  std::unique_ptr<VirtualExecutor> executor_;
  LocalNetwork network_;
  std::unique_ptr<Connection> connection_;
  std::string doing_ = "nothing yet";
  bool done_ = false;
  TaskScope scope_;
};

}  // namespace understudy::sim
