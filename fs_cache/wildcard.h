// Search patterns of a directory listing (MS-FSA 2.1.4.4, FsRtlIsNameInExpression): `*` any run of
// characters, `?` one character, and the DOS forms `<`, `>` and `"` that clients make of `*.`, `?`
// and `.`.
#pragma once

#include <string>
#include <string_view>

namespace understudy {

class Pattern {
 public:
  /// The empty pattern is `*`.
  explicit Pattern(std::string_view text);

  /// `folded_name`: the name in the form of fold() (iomgr/unicode.h).
  bool matches(std::string_view folded_name) const;

 private:
  std::u32string expression_;
  bool all_;
};

}  // namespace understudy
