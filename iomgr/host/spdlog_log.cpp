#include "iomgr/host/spdlog_log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <array>
#include <utility>

namespace understudy {
namespace {

spdlog::level::level_enum to_spdlog(Log::Level level) {
  switch (level) {
    case Log::Level::debug:
      return spdlog::level::debug;
    case Log::Level::info:
      return spdlog::level::info;
    case Log::Level::warning:
      return spdlog::level::warn;
    case Log::Level::error:
      break;
  }
  return spdlog::level::err;
}

bool is_plain(char letter) {
  const auto code = static_cast<unsigned char>(letter);
  return code > ' ' && code < 0x7F && letter != '"' && letter != '=' && letter != '\\';
}

void append_escaped(std::string& line, std::string_view value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  line += '"';
  for (const char letter : value) {
    const auto code = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      line += '\\';
      line += letter;
    } else if (code < ' ' || code == 0x7F) {
      line += "\\x";
      line += kHex[code >> 4];
      line += kHex[code & 15];
    } else {
      line += letter;
    }
  }
  line += '"';
}

}  // namespace

struct SpdlogLog::Parts {
  spdlog::logger logger;
};

SpdlogLog::SpdlogLog(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

SpdlogLog::~SpdlogLog() {
  flush();
}

Result<std::unique_ptr<SpdlogLog>> SpdlogLog::open(const std::string& name, const std::string& file,
                                                   Level level) {
  try {
    spdlog::sink_ptr sink;
    if (file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
    }
    auto parts = std::make_unique<Parts>(Parts{spdlog::logger(name, std::move(sink))});
    parts->logger.set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %n %v");
    parts->logger.flush_on(spdlog::level::info);
    std::unique_ptr<SpdlogLog> log(new SpdlogLog(std::move(parts)));
    log->set_level(level);
    return log;
  } catch (const spdlog::spdlog_ex&) {
    return Status::access_denied;
  }
}

void SpdlogLog::write(Level level, std::string_view message, Fields fields) {
  const auto severity = to_spdlog(level);
  if (!parts_->logger.should_log(severity)) return;
  std::string line(message);
  for (const Field& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    if (!field.value.empty() && std::all_of(field.value.begin(), field.value.end(), is_plain)) {
      line += field.value;
    } else {
      append_escaped(line, field.value);
    }
  }
  parts_->logger.log(severity, spdlog::string_view_t(line.data(), line.size()));
}

void SpdlogLog::set_level(Level level) {
  parts_->logger.set_level(to_spdlog(level));
}

void SpdlogLog::flush() {
  parts_->logger.flush();
}

std::optional<Log::Level> parse_log_level(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Log::Level>, 4> kLevels = {
      {{"debug", Log::Level::debug},
       {"info", Log::Level::info},
       {"warning", Log::Level::warning},
       {"error", Log::Level::error}}};
  for (const auto& [name, level] : kLevels) {
    if (name == text) return level;
  }
  return std::nullopt;
}

}  // namespace understudy
