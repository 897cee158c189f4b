// QUERY_INFO of the file system: the classes of MS-FSCC section 2.5.
#include "netstack/netstack.h"
#include "netstack/smb2/names.h"
#include "netstack/smb2/query_info.h"

namespace understudy::smb2 {
namespace {

enum class VolumeClass : std::uint8_t {
  volume = 1,
  size = 3,
  device = 4,
  attribute = 5,
  control = 6,
  full_size = 7,
  object_id = 8,
  sector_size = 11,
};

constexpr std::uint32_t kBytesPerSector = 512;
constexpr std::uint32_t kSectorsPerUnit = 8;
constexpr std::uint64_t kUnit = std::uint64_t{kBytesPerSector} * kSectorsPerUnit;

struct Volume {
  VolumeParameters parameters;
  std::string label;
};

void put_volume(WireWriter& writer, const Volume& volume) {
  const std::vector<std::uint8_t> label = text_to_wire(volume.label);
  writer.u64(volume.parameters.creation_time);
  writer.u32(static_cast<std::uint32_t>(volume.parameters.serial));
  writer.u32(static_cast<std::uint32_t>(label.size()));
  writer.u16(0);
  writer.append(label);
}

void put_size(WireWriter& writer, const Volume& volume) {
  writer.u64(volume.parameters.total_bytes / kUnit);
  writer.u64(volume.parameters.free_bytes / kUnit);
  writer.u32(kSectorsPerUnit);
  writer.u32(kBytesPerSector);
}

void put_full_size(WireWriter& writer, const Volume& volume) {
  writer.u64(volume.parameters.total_bytes / kUnit);
  writer.u64(volume.parameters.free_bytes / kUnit);
  writer.u64(volume.parameters.free_bytes / kUnit);
  writer.u32(kSectorsPerUnit);
  writer.u32(kBytesPerSector);
}

void put_device(WireWriter& writer, const Volume&) {
  constexpr std::uint32_t kDisk = 7;
  constexpr std::uint32_t kMounted = 0x20;
  writer.u32(kDisk);
  writer.u32(kMounted);
}

void put_attribute(WireWriter& writer, const Volume&) {
  constexpr std::uint32_t kCasePreserved = 0x2;
  constexpr std::uint32_t kUnicode = 0x4;
  constexpr std::uint32_t kNamedStreams = 0x00040000;
  constexpr std::uint32_t kPersistentAcls = 0x8;
  constexpr std::uint32_t kSparseFiles = 0x40;
  constexpr std::uint32_t kHardLinks = 0x00400000;
  constexpr std::uint32_t kExtendedAttributes = 0x00800000;
  // Clients decide by this name what they may expect.
  const std::vector<std::uint8_t> name = text_to_wire("NTFS");
  writer.u32(kCasePreserved | kUnicode | kPersistentAcls | kNamedStreams | kHardLinks |
             kExtendedAttributes | kSparseFiles);
  writer.u32(bounds::kMaxNameUnits);
  writer.u32(static_cast<std::uint32_t>(name.size()));
  writer.append(name);
}

/// FileFsControlInformation: no quotas, so no thresholds and no limits.
void put_control(WireWriter& writer, const Volume&) {
  constexpr std::uint64_t kNone = ~std::uint64_t{0};
  writer.zeros(24);
  writer.u64(kNone);
  writer.u64(kNone);
  writer.u64(0);  // flags and padding
}

void put_object_id(WireWriter& writer, const Volume& volume) {
  writer.u64(volume.parameters.serial);
  writer.u64(volume.parameters.creation_time);
  writer.zeros(48);
}

void put_sector_size(WireWriter& writer, const Volume&) {
  constexpr std::uint32_t kAlignedDevice = 0x3;
  constexpr auto kPhysical = static_cast<std::uint32_t>(kUnit);
  writer.u32(kBytesPerSector);
  writer.u32(kPhysical);
  writer.u32(kPhysical);
  writer.u32(kPhysical);
  writer.u32(kAlignedDevice);
  writer.u64(0);
}

struct Row {
  VolumeClass which;
  std::size_t fixed;  // bytes that must have room
  void (*put)(WireWriter&, const Volume&);
};

constexpr Row kRows[] = {
    {VolumeClass::volume, 24, put_volume},       {VolumeClass::size, 24, put_size},
    {VolumeClass::device, 8, put_device},        {VolumeClass::attribute, 16, put_attribute},
    {VolumeClass::control, 48, put_control},     {VolumeClass::full_size, 32, put_full_size},
    {VolumeClass::object_id, 64, put_object_id}, {VolumeClass::sector_size, 28, put_sector_size},
};

}  // namespace

Task<Result<Information>> volume_information(Netstack& netstack, const Open& open,
                                             std::uint8_t which) {
  for (const Row& row : kRows) {
    if (static_cast<std::uint8_t>(row.which) != which) continue;
    Irp irp = netstack.irp(Major::query_volume, *open.tree);
    irp.open = open.handle;
    const Status status = co_await netstack.ask(irp);
    if (failed(status)) co_return status;
    WireWriter writer;
    row.put(writer, {irp.volume, open.tree->share.name});
    co_return Information{writer.release(), row.fixed};
  }
  co_return Status::invalid_info_class;
}

}  // namespace understudy::smb2
