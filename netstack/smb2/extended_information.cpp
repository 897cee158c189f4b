// QUERY_INFO of extended attributes: FileFullEaInformation (MS-FSCC 2.4.16, MS-FSA 2.1.5.12.13).
// fs_cache has the list; which of it the client wants, and where it stands in it, is found here.
#include <algorithm>

#include "netstack/netstack.h"
#include "netstack/smb2/query_info.h"

namespace understudy::smb2 {
namespace {

struct Entry {
  std::string_view name;
  ConstBytes body;  // from Flags to the end of the value
};

/// What fs_cache gave. nullopt: it is no such list.
std::optional<std::vector<Entry>> entries_of(ConstBytes list) {
  std::vector<Entry> entries;
  while (!list.empty()) {
    WireReader reader(list);
    const std::uint32_t next = reader.u32();
    reader.skip(1);
    const std::uint8_t name_length = reader.u8();
    const std::uint16_t value_length = reader.u16();
    const std::string_view name = as_text(reader.take(name_length));
    reader.skip(1 + std::size_t{value_length});
    if (!reader.ok() || next > list.size() || (next != 0 && next < reader.position()))
      return std::nullopt;
    entries.push_back({name, list.subspan(4, reader.position() - 4)});
    if (next == 0) break;
    list = list.subspan(next);
  }
  return entries;
}

/// FILE_GET_EA_INFORMATION. nullopt: it is no such list.
std::optional<std::vector<std::string_view>> names_of(ConstBytes list) {
  std::vector<std::string_view> names;
  while (!list.empty()) {
    WireReader reader(list);
    const std::uint32_t next = reader.u32();
    const std::uint8_t length = reader.u8();
    names.push_back(as_text(reader.take(length)));
    if (!reader.ok() || next > list.size() || (next != 0 && next < reader.position()))
      return std::nullopt;
    if (next == 0) break;
    list = list.subspan(next);
  }
  return names;
}

bool same_name(std::string_view one, std::string_view other) {
  const auto upper = [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  };
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [upper](char a, char b) { return upper(a) == upper(b); });
}

/// The answer as it grows.
class Answer {
 public:
  explicit Answer(std::size_t room) : room_(room) {}

  /// False when it does not fit any more.
  bool add(ConstBytes body) {
    const std::size_t start = (writer_.size() + 3) / 4 * 4;
    if (start + 4 + body.size() > room_) return false;
    writer_.align(4);
    if (start > 0) writer_.patch(last_, static_cast<std::uint32_t>(start - last_));
    last_ = start;
    writer_.u32(0);
    writer_.append(body);
    return true;
  }
  bool empty() const { return writer_.size() == 0; }
  std::vector<std::uint8_t> release() { return writer_.release(); }

 private:
  std::size_t room_;
  WireWriter writer_;
  std::size_t last_ = 0;
};

/// Each as it was asked for; one that is not there has no value.
Result<std::vector<std::uint8_t>> by_name(const std::vector<Entry>& entries,
                                          const ExtendedQuery& query) {
  const auto names = names_of(query.names);
  if (!names) return Status::ea_list_inconsistent;
  Answer answer(query.room);
  for (const std::string_view name : *names) {
    const auto found = std::find_if(entries.begin(), entries.end(), [name](const Entry& entry) {
      return same_name(entry.name, name);
    });
    WireWriter absent;
    absent.u8(0);
    absent.u8(static_cast<std::uint8_t>(name.size()));
    absent.u16(0);
    absent.append(as_bytes(name));
    absent.u8(0);
    if (!answer.add(found == entries.end() ? absent.bytes() : found->body))
      return Status::buffer_overflow;
    if (query.single) break;
  }
  return answer.release();
}

Result<std::vector<std::uint8_t>> by_place(const std::vector<Entry>& entries,
                                           const ExtendedQuery& query, std::size_t& place) {
  if (query.index && (*query.index == 0 || *query.index > entries.size()))
    return Status::nonexistent_ea_entry;
  // Without single entries every answer begins at the start: the Linux client asks so again and
  // again on one handle.
  if (query.restart || !query.single) place = 0;
  if (query.index) place = *query.index - 1;
  if (place >= entries.size()) return Status::no_more_eas;
  Answer answer(query.room);
  while (place < entries.size() && answer.add(entries[place].body)) {
    ++place;
    if (query.single) break;
  }
  if (answer.empty()) return Status::buffer_overflow;
  return answer.release();
}

}  // namespace

Task<Result<std::vector<std::uint8_t>>> extended_information(Netstack& netstack, Open& open,
                                                             const ExtendedQuery& query) {
  constexpr std::size_t kFixed = 8;  // of one entry
  if (!open.may(kReadEa)) co_return Status::access_denied;
  if (query.room < kFixed) co_return Status::info_length_mismatch;
  Buffer room = co_await netstack.scratch().acquire(bounds::kMaxProperty);
  Irp irp = netstack.irp(Major::query_information, *open.tree);
  irp.minor = static_cast<std::uint8_t>(QueryMinor::extended_attributes);
  irp.open = open.handle;
  irp.payload = room.ref(0);
  const Status status = co_await netstack.ask(irp);
  if (failed(status)) co_return status;
  if (irp.information > room.bytes().size()) co_return Status::unexpected_io_error;
  const auto entries = entries_of(room.bytes().first(irp.information));
  if (!entries) co_return Status::unexpected_io_error;
  if (!query.names.empty()) co_return by_name(*entries, query);
  co_return by_place(*entries, query, open.extended_place);
}

}  // namespace understudy::smb2
