#include "netstack/smb2/test_client.h"
#include "tests/fuzz/targets.h"

namespace understudy::fuzz {

using smb2::Command;

void run_frames(ConstBytes input) {
  smb2::TestNode node;
  smb2::TestClient client(node);
  Pieces pieces(input);
  while (!pieces.done() && !client.closed) {
    client.send_as_it_is(pieces.piece());
    while (client.receive()) {
    }
  }
  client.hang_up();
}

std::vector<Octets> frame_seeds() {
  const auto frame = [](Octets& seed, Command command, std::uint64_t id, const Octets& body) {
    smb2::Header header;
    header.command = static_cast<std::uint16_t>(command);
    header.credits = 1;
    header.message_id = id;
    Octets message(smb2::kHeaderSize);
    encode_header(header, message);
    message.insert(message.end(), body.begin(), body.end());
    add_piece(seed, message);
  };
  const auto logon = logon_seeds().front();
  const Octets token(logon.begin() + 2, logon.begin() + 2 + logon.at(0));
  std::vector<Octets> seeds;
  for (const std::uint16_t dialect : {smb2::kDialect202, smb2::kDialect210, smb2::kDialect300,
                                      smb2::kDialect302, smb2::kDialect311}) {
    Octets& seed = seeds.emplace_back();
    frame(seed, Command::negotiate, 0,
          smb2::TestRequests::negotiate_body({dialect}, {2, 1}, {2, 1, 4, 3}));
    frame(seed, Command::session_setup, 1, smb2::TestRequests::setup_body(token, 0));
    frame(seed, Command::echo, 2, smb2::TestRequests::empty_body());
  }
  return seeds;
}

}  // namespace understudy::fuzz
