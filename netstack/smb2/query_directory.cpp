// QUERY_DIRECTORY: MS-SMB2 sections 2.2.33, 2.2.34, 3.3.5.18, with the entries of MS-FSCC
// section 2.4. fs_cache matches, and keeps where the enumeration stands; here its entries become
// those of the class that the client wants.
#include <algorithm>
#include <cstring>

#include "netstack/netstack.h"
#include "netstack/smb2/command.h"
#include "netstack/smb2/connection.h"
#include "netstack/smb2/facts.h"
#include "netstack/smb2/names.h"

namespace understudy::smb2 {
namespace {

constexpr std::uint8_t kRestart = 0x01;
constexpr std::uint8_t kSingleEntry = 0x02;
constexpr std::uint8_t kReopen = 0x10;

enum class DirectoryClass : std::uint8_t {
  directory = 1,
  full = 2,
  both = 3,
  names = 12,
  id_both = 37,
  id_full = 38,
};

/// Bytes of an entry before its name; 0: not a class that is known.
std::uint32_t fixed_size(DirectoryClass which) {
  switch (which) {
    case DirectoryClass::directory:
      return 64;
    case DirectoryClass::full:
      return 68;
    case DirectoryClass::both:
      return 94;
    case DirectoryClass::names:
      return 12;
    case DirectoryClass::id_both:
      return 104;
    case DirectoryClass::id_full:
      return 80;
  }
  return 0;
}

struct Query {
  DirectoryClass which{};
  std::uint8_t flags = 0;
  ConstBytes pattern;
  std::uint32_t output_length = 0;
};

std::optional<Query> parse(const Request& request) {
  WireReader body = request.body();
  Query query;
  body.skip(2);
  query.which = static_cast<DirectoryClass>(body.u8());
  query.flags = body.u8();
  body.skip(4 + 16);
  const std::uint16_t offset = body.u16();
  const std::uint16_t length = body.u16();
  query.output_length = body.u32();
  const std::optional<ConstBytes> pattern = request.buffer(offset, length);
  if (!body.ok() || !pattern) return std::nullopt;
  query.pattern = *pattern;
  return query;
}

void put_entry(WireWriter& writer, DirectoryClass which, const FileFacts& facts, ConstBytes name) {
  const bool both = which == DirectoryClass::both || which == DirectoryClass::id_both;
  const bool with_id = which == DirectoryClass::id_both || which == DirectoryClass::id_full;
  writer.u32(0);  // NextEntryOffset
  writer.u32(0);  // FileIndex
  if (which != DirectoryClass::names) {
    put_times(writer, facts);
    writer.u64(facts.size);
    writer.u64(facts.allocation_size);
    writer.u32(wire_attributes(facts));
  }
  writer.u32(static_cast<std::uint32_t>(name.size()));
  if (which != DirectoryClass::names && which != DirectoryClass::directory)
    writer.u32(facts.ea_size);
  if (both) writer.zeros(26);  // no short name
  if (with_id) {
    writer.zeros(both ? 2 : 4);
    writer.u64(facts.object);
  }
  writer.append(name);
}

/// The entries in `listing`, which fs_cache filled, as the client wants them. nullopt: it is not a
/// listing.
std::optional<std::vector<std::uint8_t>> convert(ConstBytes listing, DirectoryClass which) {
  WireWriter writer;
  std::size_t last = 0;
  while (!listing.empty()) {
    DirectoryEntry entry;
    if (listing.size() < sizeof entry) return std::nullopt;
    std::memcpy(&entry, listing.data(), sizeof entry);
    if (entry.size < sizeof entry || entry.size > listing.size() || entry.size % 8 != 0 ||
        entry.name_length > entry.size - sizeof entry) {
      return std::nullopt;
    }
    const std::vector<std::uint8_t> name =
        text_to_wire(as_text(listing.subspan(sizeof entry, entry.name_length)));
    listing = listing.subspan(entry.size);
    if (name.empty()) continue;
    writer.align(8);
    if (writer.size() > 0) writer.patch(last, static_cast<std::uint32_t>(writer.size() - last));
    last = writer.size();
    put_entry(writer, which, entry.facts, name);
  }
  return writer.release();
}

Status put_listing(Reply& reply, const std::vector<std::uint8_t>& entries) {
  constexpr std::size_t kFixed = 8;
  WireWriter head;
  head.u16(9);
  head.u16(static_cast<std::uint16_t>(kHeaderSize + kFixed));
  head.u32(static_cast<std::uint32_t>(entries.size()));
  return reply.put(head.bytes(), entries) ? Status::success : Status::unexpected_io_error;
}

}  // namespace

Task<Status> query_directory(Connection& connection, Request& request, Reply& reply) {
  Netstack& netstack = connection.netstack();
  const Open& open = *request.open;
  const std::optional<Query> query = parse(request);
  // More than MaxTransactSize, if it was paid for, is answered with less.
  if (!query) co_return Status::invalid_parameter;
  const std::uint32_t overhead = fixed_size(query->which);
  if (overhead == 0) co_return Status::invalid_info_class;
  if (!open.directory) co_return Status::invalid_parameter;
  if (!open.may(kReadData)) co_return Status::access_denied;
  if (query->output_length < overhead) co_return Status::info_length_mismatch;
  const Result<std::string> pattern = text_from_wire(query->pattern);
  if (!pattern) co_return pattern.status();
  // It names one component. Matching takes its length times the name's, for each name there is.
  if (query->pattern.size() > 2 * bounds::kMaxNameUnits) co_return Status::object_name_invalid;

  const std::uint32_t room = std::min({query->output_length, bounds::kMaxListing,
                                       static_cast<std::uint32_t>(reply.room().size() - 8)});
  Buffer listing = co_await netstack.scratch().acquire(
      std::max<std::size_t>(bounds::kMaxListing, pattern->size()));
  std::copy(pattern->begin(), pattern->end(), listing.bytes().begin());
  Irp irp = netstack.irp(Major::query_directory, *open.tree);
  irp.open = open.handle;
  irp.payload = listing.ref(pattern->size());
  irp.directory.restart = (query->flags & kRestart) != 0 ? 1 : 0;
  irp.directory.single_entry = (query->flags & kSingleEntry) != 0 ? 1 : 0;
  irp.directory.reopen = (query->flags & kReopen) != 0 ? 1 : 0;
  irp.directory.entry_overhead = overhead + 7;  // and padding
  irp.directory.wire_capacity = room;
  const Status status = co_await netstack.ask(irp);
  if (failed(status)) co_return status;
  if (irp.information > listing.bytes().size()) co_return Status::unexpected_io_error;
  const auto entries = convert(listing.bytes().first(irp.information), query->which);
  if (!entries || entries->size() > query->output_length) co_return Status::unexpected_io_error;
  co_return put_listing(reply, *entries);
}

}  // namespace understudy::smb2
