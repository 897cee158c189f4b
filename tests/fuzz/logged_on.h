// For targets behind the logon: a node, and a client with a file and a directory open.
#pragma once

#include "netstack/smb2/test_client.h"

namespace understudy::fuzz {

struct LoggedOn {
  explicit LoggedOn(std::uint16_t dialect = smb2::kDialect311) {
    client.begin(dialect);
    client.create("d", 2, 1);
    directory = client.file;
    client.create("d\\file", 2);
    file = client.file;
    client.ask(smb2::Command::write, smb2::TestRequests::write_body(file, 0, "what stands in it"));
  }
  /// Sends one request and takes all that comes.
  void ask(smb2::Command command, ConstBytes body) {
    client.send(client.message(command, body));
    take_all();
  }
  void take_all() {
    while (client.receive()) {
    }
  }

  smb2::TestNode node;
  smb2::TestClient client{node};
  smb2::FileId directory;
  smb2::FileId file;
};

}  // namespace understudy::fuzz
