// One client's TCP connection (MS-SMB2 section 3.3.1.7): reads frames into the arena, runs what is
// in them, sends the answers. Many requests are in flight at once, as many as the client got
// credits for.
//
// Bounds: what a connection holds of the arena is at most kMaxConnectionBytes, and it works on at
// most kMaxFramesAtOnce. A client that does not read its answers, stops in the middle of a frame,
// or does not log on in time is disconnected. Invariant: when run() has completed, nothing that the
// client opened is open any more.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>

#include "iomgr/network.h"
#include "iomgr/sync.h"
#include "netstack/auth/signing.h"
#include "netstack/buffer_pool.h"
#include "netstack/smb2/header.h"
#include "netstack/smb2/protocol.h"
#include "netstack/smb2/running.h"
#include "netstack/smb2/sequence_window.h"
#include "netstack/smb2/session.h"

namespace understudy {
class Server;
}

namespace understudy::smb2 {

class Compound;

/// What NEGOTIATE agreed on.
struct Negotiation {
  std::uint16_t dialect = 0;  // 0: nothing yet
  std::uint32_t client_capabilities = 0;
  std::uint16_t client_security_mode = 0;
  std::array<std::uint8_t, 16> client_guid{};
  std::uint32_t server_capabilities = 0;  // Capabilities of the NEGOTIATE response
  auth::SigningAlgorithm signing = auth::SigningAlgorithm::hmac_sha256;
  auth::Cipher cipher = auth::Cipher::none;  // none: nothing can be encrypted
  auth::PreauthIntegrityHash preauth;

  /// Section 3.3.1.7, SupportsMultiCredit: a request may pay with several credits.
  bool multi_credit() const { return dialect >= kDialect210 && dialect != kDialectWildcard; }
  /// Whether other connections may become channels of a session that is made on this one.
  bool multi_channel() const {
    return dialect >= kDialect300 && (client_capabilities & kCapabilityMultiChannel) != 0;
  }
  /// Section 3.3.5.9: leases are granted.
  bool leasing() const { return (server_capabilities & kCapabilityLeasing) != 0; }
  /// A dialect of the SMB 3.x family.
  bool smb3() const { return dialect >= kDialect300; }
  /// Opens of shares that are continuously available may be persistent.
  bool persistent_handles() const {
    return (server_capabilities & kCapabilityPersistentHandles) != 0;
  }
  /// MaxReadSize, MaxWriteSize and MaxTransactSize (section 3.3.5.4), bytes.
  std::uint32_t max_transfer() const;
};

/// A SESSION_SETUP exchange that is going on.
struct Logon {
  std::shared_ptr<const ServerConfig> config;  // whose accounts the authenticator reads
  std::unique_ptr<auth::Authenticator> authenticator;
  auth::PreauthIntegrityHash preauth;
};

class Connection {
 public:
  Connection(Netstack& netstack, std::shared_ptr<Server> server, std::shared_ptr<Stream> stream);

  /// Serves the client until it is gone or close() was called, then closes all that it had open.
  Task<void> run();
  /// Ends the connection without another word.
  void close();
  bool closed() const { return closed_; }

  Netstack& netstack() { return netstack_; }
  const Server& server() const { return *server_; }

  /// The session of this connection with that id, whatever its state. nullptr if there is none.
  std::shared_ptr<Session> find_session(std::uint64_t id) const;
  /// A new one, in progress. nullptr when the connection has too many.
  std::shared_ptr<Session> add_session();
  /// Makes the connection a channel of another one's session. False when it has too many sessions,
  /// or the session too many channels.
  bool bind_session(const std::shared_ptr<Session>& session, std::shared_ptr<auth::Signer> signer);
  /// Takes the session out of all tables, on all its channels, and closes its opens, but that
  /// fs_cache keeps durable ones for the client. What is in flight for it goes on, and sees
  /// State::ended.
  Task<void> end_session(std::shared_ptr<Session> session);
  /// The SESSION_SETUP exchange that goes on for that session here (section 3.3.1.7,
  /// PreauthSessionTable); nullptr: none.
  std::shared_ptr<Logon> logon(std::uint64_t session_id) const;
  /// Has it go on. False: too many do already.
  bool keep_logon(std::uint64_t session_id, std::shared_ptr<Logon> logon);
  void forget_logon(std::uint64_t session_id) { logons_.erase(session_id); }
  /// From now on the client may have more than one request in flight.
  void logged_on() { logged_on_ = true; }

  /// Credits for a reply: the client asked for `wanted`.
  std::uint16_t grant(std::uint16_t wanted);

  /// Sends a frame, length prefix included, after those that were to be sent before.
  Task<void> send(ConstBytes frame);
  /// Sends a message that nobody asked for, encrypted if all of the session is.
  void post(Header header, ConstBytes body, std::shared_ptr<Session> session);
  /// Bytes of the arena that the connection may still take.
  Credits& memory() { return memory_; }

  // Requests that run, and those of them that are pended (section 3.3.1.7, RequestList and
  // AsyncCommandList).
  class RunningGuard {
   public:
    RunningGuard(Connection& connection, Running& running)
        : list_(connection.running_), place_(list_.insert(list_.end(), &running)) {}
    RunningGuard(const RunningGuard&) = delete;
    RunningGuard& operator=(const RunningGuard&) = delete;
    ~RunningGuard() { list_.erase(place_); }

   private:
    std::list<Running*>& list_;
    std::list<Running*>::iterator place_;
  };
  /// Whether one more may be pended; false also on a connection that is closed.
  bool may_pend() const { return !closed_ && pended_.available() > 0; }
  Credits& pended() { return pended_; }
  std::uint64_t new_async_id() { return ++last_async_id_; }
  /// Those that are pended, or are going to be, complete with STATUS_CANCELLED.
  void cancel_if(const std::function<bool(const Running&)>& which);

  std::shared_ptr<Negotiation> negotiation = std::make_shared<Negotiation>();

 private:
  Task<bool> serve_one();
  bool admit(const Compound& compound);
  Task<void> send_posted(std::vector<std::uint8_t> frame);
  Task<void> answer(std::unique_ptr<Compound> compound, Buffer replies);

  Netstack& netstack_;
  std::shared_ptr<Server> server_;
  std::shared_ptr<Stream> stream_;
  bool closed_ = false;
  bool logged_on_ = false;
  SequenceWindow window_;
  Credits memory_;        // bytes of the arena that the connection may still take
  Credits frames_;        // that may still be worked on
  Credits pended_;        // requests that may still be
  Credits turn_to_send_;  // one reply after the other
  std::list<Running*> running_;
  std::uint64_t last_async_id_ = 0;
  std::uint32_t in_flight_ = 0;
  Event idle_;
  std::map<std::uint64_t, std::shared_ptr<Session>> sessions_;
  std::map<std::uint64_t, std::shared_ptr<Logon>> logons_;
};

}  // namespace understudy::smb2
