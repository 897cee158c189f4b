#include "fs_cache/security/access_check.h"
#include "fs_cache/security/extended_attributes.h"
#include "iomgr/check.h"
#include "tests/fuzz/targets.h"

namespace understudy::fuzz {
namespace {

/// What is accepted is stored, and must come back from there as it is; and it must serve.
void try_descriptor(ConstBytes bytes) {
  const Result<SecurityDescriptor> descriptor = decode_descriptor(bytes);
  if (!descriptor) return;
  const Result<std::vector<std::uint8_t>> stored = encode_descriptor(*descriptor);
  if (!stored) return;
  UNDERSTUDY_CHECK(*decode_descriptor(*stored) == *descriptor);
  const Token token = {{sids::kEveryone, sids::kAdministrators}};
  static_cast<void>(maximal_access(*descriptor, token));
  for (const bool directory : {true, false})
    static_cast<void>(inherit_descriptor(&*descriptor, nullptr, token, directory));
}

void try_attributes(ConstBytes bytes) {
  std::size_t wrong_at = 0;
  const Result<ExtendedAttributes> changes = decode_attributes(bytes, wrong_at);
  if (!changes) return;
  ExtendedAttributes all;
  if (failed(merge_attributes(all, *changes)) || all.empty()) return;
  UNDERSTUDY_CHECK(*decode_attributes(encode_attributes(all), wrong_at) == all);
}

}  // namespace

void run_descriptors(ConstBytes input) {
  Pieces pieces(input);
  while (!pieces.done()) {
    const ConstBytes piece = pieces.piece();
    try_descriptor(piece);
    try_attributes(piece);
  }
}

std::vector<Octets> descriptor_seeds() {
  const SecurityDescriptor descriptor{
      control::kDaclPresent | control::kAutoInherited, Sid{5, 5, {21, 1, 2, 3, 1001}},
      sids::kAdministrators,
      Acl{{Ace::denied, 0, 2, sids::kOwnerRights}, {Ace::allowed, 3, 0x1F01FF, sids::kEveryone}}};
  Octets one;
  add_piece(one, *encode_descriptor(descriptor));
  Octets other;
  add_piece(other, encode_attributes({{0, "one", {1}}, {0x80, "two", {2, 3, 4, 5, 6}}}));
  return {one, other};
}

}  // namespace understudy::fuzz
