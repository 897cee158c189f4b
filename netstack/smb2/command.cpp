#include "netstack/smb2/command.h"

#include <algorithm>
#include <array>

#include "iomgr/bounds.h"
#include "iomgr/check.h"

namespace understudy::smb2 {
namespace {

using bounds::kMaxInformation;
using bounds::kMaxListing;
using bounds::kMaxTransfer;

// clang-format off
// CANCEL has no reply and never gets here. NEGOTIATE and OPLOCK_BREAK come in more than one form (size 0).
constexpr std::array<CommandRow, kCommands> kTable = {{
    // handler        needs           size  FileId room    length of the reply      length sent
    {negotiate,       Needs::nothing,    0,   0,   2048,   {},                      0},
    {session_setup,   Needs::nothing,   25,   0,   4096,   {},                      0},
    {logoff,          Needs::session,    4,   0,     64,   {},                      0},
    {tree_connect,    Needs::session,    9,   0,     64,   {},                      0},
    {tree_disconnect, Needs::tree,       4,   0,     64,   {},                      0},
    {create,          Needs::tree,      57,   0,    256,   {},                      0},
    {close,           Needs::tree,      24,   8,     64,   {},                      0},
    {flush,           Needs::tree,      24,   8,     64,   {},                      0},
    {read,            Needs::open,      49,  16,     64,   {4, kMaxTransfer},       0},
    {write,           Needs::open,      49,  16,     64,   {},                      4},
    {lock,            Needs::open,      48,   8,     64,   {},                      0},
    {ioctl,           Needs::tree,      57,   8,     64,   {44, kMaxInformation},  28},
    {nullptr,         Needs::nothing,    4,   0,      0,   {},                      0},
    {echo,            Needs::nothing,    4,   0,     64,   {},                      0},
    {query_directory, Needs::open,      33,   8,     64,   {28, kMaxListing},       0},
    {change_notify,   Needs::open,      32,   8,     64,   {4, kMaxInformation},    0},
    {query_info,      Needs::open,      41,  24,     64,   {4, kMaxInformation},   12},
    {set_info,        Needs::open,      33,  16,     64,   {},                      4},
    {oplock_break,    Needs::session,    0,   0,     64,   {},                      0},
}};
// clang-format on

}  // namespace

const CommandRow* find_command(std::uint16_t command) {
  return command < kTable.size() ? &kTable[command] : nullptr;
}

bool nobody_may(std::uint16_t command) {
  switch (static_cast<Command>(command)) {
    case Command::logoff:
    case Command::tree_disconnect:
    case Command::close:
    case Command::echo:
    case Command::query_info:
    case Command::oplock_break:
      return true;
    default:
      return false;
  }
}

bool Reply::put(ConstBytes head, ConstBytes tail) {
  size_ = 0;
  if (head.size() + tail.size() > room_.size()) return false;
  const auto end = std::copy(head.begin(), head.end(), room_.begin());
  std::copy(tail.begin(), tail.end(), end);
  size_ = head.size() + tail.size();
  return true;
}

void Reply::put_empty() {
  constexpr std::array<std::uint8_t, 4> kBody = {4, 0, 0, 0};
  UNDERSTUDY_CHECK(put(kBody));
}

}  // namespace understudy::smb2
