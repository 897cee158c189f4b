#include "tools/stepper/export.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "iomgr/host/unique_fd.h"

namespace understudy::stepper {

std::string export_to(const Recording& recording, const std::string& format,
                      const std::string& file, const Operation& operation) {
  const bool is_known = format == "chrome" || format == "mermaid" || format == "shiviz" ||
                        format == "pcap" || format == "page";
  if (!is_known) return "there is no format '" + format + "': chrome, mermaid, shiviz, pcap, page";
  if (format == "page" && recording.nodes.size() != 2) {
    return "the page shows a pair; the recording is of " + std::to_string(recording.nodes.size()) +
           (recording.nodes.size() == 1 ? " node" : " nodes");
  }
  if (format == "mermaid" && points_of(recording, operation.lun, operation.lsn).empty()) {
    return "the recording has no operation with lsn " + std::to_string(operation.lsn) + " of lun " +
           std::to_string(operation.lun) + " (--lsn, --lun)";
  }
  // For its owner alone: it holds the names of files.
  const UniqueFd made(open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!made) return file + ": " + std::strerror(errno);
  std::ofstream out(file, std::ios::binary);
  if (format == "chrome") export_chrome(recording, out);
  if (format == "mermaid") export_mermaid(recording, operation, out);
  if (format == "shiviz") export_shiviz(recording, out);
  if (format == "pcap") export_pcap(recording, out);
  if (format == "page") export_page(recording, out);
  out.close();
  return out ? std::string() : file + ": " + std::strerror(errno);
}

}  // namespace understudy::stepper
