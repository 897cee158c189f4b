// Waiting for a word in memory that several processes share.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace understudy {

/// Waits while `word` is `value`, at most `limit`; may return earlier, so ask again.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t value,
                std::chrono::milliseconds limit);
/// Wakes all that wait for it.
void futex_wake(std::atomic<std::uint32_t>& word);

}  // namespace understudy
