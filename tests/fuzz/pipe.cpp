// What a client writes into the named pipe srvsvc: DCE/RPC and the arguments of its calls.
#include "netstack/rpc/pipe.h"

#include "iomgr/wire.h"
#include "tests/fuzz/targets.h"

namespace understudy::fuzz {
namespace {

constexpr std::size_t kMost = 1024;

Octets pdu(std::uint8_t type, const Octets& body) {
  WireWriter writer;
  writer.u8(5);
  writer.u8(0);
  writer.u8(type);
  writer.u8(3);
  writer.u32(0x10);
  writer.u16(static_cast<std::uint16_t>(16 + body.size()));
  writer.u16(0);
  writer.u32(1);
  writer.append(body);
  return writer.release();
}

}  // namespace

void run_pipe(ConstBytes input) {
  auto config = std::make_shared<ServerConfig>();
  config->name = "HOUSE";
  config->shares.resize(2);
  config->shares[0].name = "share0";
  config->shares[1].name = "share1";
  const std::unique_ptr<rpc::Pipe> pipe = rpc::open_pipe("srvsvc", config);
  Pieces pieces(input);
  while (!pieces.done()) {
    static_cast<void>(pipe->write(pieces.piece()));
    while (pipe->read(kMost)) {
    }
  }
}

std::vector<Octets> pipe_seeds() {
  WireWriter bind;
  bind.u16(4280);
  bind.u16(4280);
  bind.u32(0);
  bind.u32(1);
  bind.u16(0);
  bind.u16(1);
  bind.zeros(20);
  bind.append(std::array<std::uint8_t, 20>{0x04, 0x5D, 0x88, 0x8A, 0xEB, 0x1C, 0xC9, 0x11, 0x9F,
                                           0xE8, 0x08, 0x00, 0x2B, 0x10, 0x48, 0x60, 0x02});
  WireWriter list;
  list.u32(0);
  list.u16(0);
  list.u16(15);
  list.u32(1);
  list.u32(0);
  list.u32(0);
  list.u32(2);
  list.zeros(4);
  list.u32(1);
  list.u32(1);
  const Octets bound = pdu(11, bind.release());
  const Octets listed = pdu(0, list.release());
  Octets both;
  add_piece(both, bound);
  add_piece(both, listed);
  Octets alone;
  add_piece(alone, listed);
  return {both, alone};
}

}  // namespace understudy::fuzz
