// QUERY_INFO of a file: the classes of MS-FSCC section 2.4.
#include "netstack/netstack.h"
#include "netstack/smb2/facts.h"
#include "netstack/smb2/file_classes.h"
#include "netstack/smb2/names.h"
#include "netstack/smb2/query_info.h"

namespace understudy::smb2 {
namespace {

struct File {
  FileFacts facts;
  std::string path;  // below the share, without a '\' in front
  const Open& open;
};

void put_basic(WireWriter& writer, const File& file) {
  put_times(writer, file.facts);
  writer.u32(wire_attributes(file.facts));
  writer.u32(0);
}

void put_standard(WireWriter& writer, const File& file) {
  const FileFacts& facts = file.facts;
  writer.u64(facts.allocation_size);
  writer.u64(facts.size);
  // A name that is about to go does not count (MS-FSCC 2.4.47).
  writer.u32(facts.links - (facts.delete_pending != 0 && facts.links > 0 ? 1 : 0));
  writer.u8(facts.delete_pending != 0 ? 1 : 0);
  writer.u8(facts.directory != 0 ? 1 : 0);
  writer.u16(0);
}

/// FileModeInformation: the create options that stay with an open (MS-FSCC 2.4.31).
std::uint32_t mode_of(const Open& open) {
  return open.options & 0x0000103E;
}

void put_name(WireWriter& writer, std::string_view name) {
  const std::vector<std::uint8_t> wire = text_to_wire(name);
  writer.u32(static_cast<std::uint32_t>(wire.size()));
  writer.append(wire);
}

/// There are no short names; the name that also works is the name itself. (Some clients give up
/// without one.)
void put_alternate_name(WireWriter& writer, const File& file) {
  const std::size_t divider = file.path.rfind('\\');
  put_name(writer, divider == std::string::npos ? file.path : file.path.substr(divider + 1));
}

void put_all(WireWriter& writer, const File& file) {
  put_basic(writer, file);
  put_standard(writer, file);
  writer.u64(file.facts.object);
  writer.u32(file.facts.ea_size);
  writer.u32(file.open.access);
  writer.u64(file.open.position);
  writer.u32(mode_of(file.open));
  writer.u32(0);  // AlignmentRequirement
  put_name(writer, '\\' + file.path);
}

void put_network_open(WireWriter& writer, const File& file) {
  put_open_facts(writer, file.facts);
  writer.u32(0);
}

void put_id(WireWriter& writer, const File& file) {
  writer.u64(file.open.tree->share.lun);
  writer.u64(file.facts.object);
  writer.u64(0);
}

using Put = void (*)(WireWriter&, const File&);

struct Row {
  FileClass which;
  std::uint32_t needs;  // access
  std::size_t fixed;    // bytes that must have room
  Put put;
};

constexpr Row kRows[] = {
    {FileClass::basic, kReadAttributes, 40, put_basic},
    {FileClass::standard, 0, 24, put_standard},
    {FileClass::internal, 0, 8,
     [](WireWriter& writer, const File& file) { writer.u64(file.facts.object); }},
    {FileClass::ea, 0, 4,
     [](WireWriter& writer, const File& file) { writer.u32(file.facts.ea_size); }},
    {FileClass::access, 0, 4,
     [](WireWriter& writer, const File& file) { writer.u32(file.open.access); }},
    {FileClass::name, 0, 4,
     [](WireWriter& writer, const File& file) { put_name(writer, '\\' + file.path); }},
    {FileClass::position, 0, 8,
     [](WireWriter& writer, const File& file) { writer.u64(file.open.position); }},
    {FileClass::mode, 0, 4,
     [](WireWriter& writer, const File& file) { writer.u32(mode_of(file.open)); }},
    {FileClass::alignment, 0, 4, [](WireWriter& writer, const File&) { writer.u32(0); }},
    {FileClass::all, kReadAttributes, 104, put_all},
    {FileClass::alternate_name, 0, 8, put_alternate_name},
    {FileClass::compression, 0, 16,
     [](WireWriter& writer, const File& file) {
       writer.u64(file.facts.size);
       writer.u64(0);
     }},
    {FileClass::network_open, kReadAttributes, 56, put_network_open},
    {FileClass::attribute_tag, kReadAttributes, 8,
     [](WireWriter& writer, const File& file) {
       writer.u32(wire_attributes(file.facts));
       writer.u32(0);
     }},
    {FileClass::normalized_name, 0, 8,
     [](WireWriter& writer, const File& file) { put_name(writer, file.path); }},
    {FileClass::id, 0, 24, put_id},
};

const Row* find_row(std::uint8_t which) {
  for (const Row& row : kRows) {
    if (static_cast<std::uint8_t>(row.which) == which) return &row;
  }
  return nullptr;
}

}  // namespace

Task<Result<Information>> file_information(Netstack& netstack, const Open& open,
                                           std::uint8_t which) {
  if (which == static_cast<std::uint8_t>(FileClass::stream)) {
    Result<Information> streams = co_await stream_information(netstack, open);
    co_return std::move(streams);
  }
  const Row* row = find_row(which);
  if (row == nullptr) co_return Status::invalid_info_class;
  if (!open.may(row->needs)) co_return Status::access_denied;

  Buffer name = co_await netstack.scratch().acquire(bounds::kMaxPathBytes);
  Irp irp = netstack.irp(Major::query_information, *open.tree);
  irp.open = open.handle;
  irp.payload = name.ref(0);
  const Status status = co_await netstack.ask(irp);
  if (failed(status)) co_return status;
  if (irp.payload.length > bounds::kMaxPathBytes) co_return Status::unexpected_io_error;
  const File file{irp.query.facts, std::string(as_text(name.bytes().first(irp.payload.length))),
                  open};
  WireWriter writer;
  row->put(writer, file);
  co_return Information{writer.release(), row->fixed};
}

}  // namespace understudy::smb2
