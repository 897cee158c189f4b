// Planted bugs, for proving that the simulator's checkers see what they are there for, and as
// exercises: each is a mistake that somebody who builds a mirrored write-back cache could make.
//
// Invariant: nothing but a test plants one (tools/check-style looks), so in a node every planted()
// is one load and a comparison that is never true.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace understudy {

/// Name, the rule of docs/design.md that it breaks, what it does.
// clang-format off
#define UNDERSTUDY_MUTANT_TABLE(X)                                                                                      \
  X(acknowledge_before_mirrored, 1, "ff_driver answers as soon as its own cache has the operation")                      \
  X(reply_before_shown_is_mirrored, 5, "ff_driver answers reads and listings at once, whatever they show")               \
  X(flush_unmirrored, 4, "ff_driver lets the lazy writer write what the partner does not have yet")                      \
  X(purge_before_durable, 6, "ff_driver has the partner purge before the medium has the operations")                     \
  X(purge_beyond_durable, 6, "ff_driver has the partner purge everything mirrored, not what is durable")                 \
  X(degraded_acknowledges_early, 1, "ff_driver, degraded, answers before the medium has the operation")                  \
  X(degrade_forgets_own_writes, 11, "when the partner goes, ff_driver calls everything safe before it is flushed")       \
  X(error_for_what_is_logged, 3, "when the copy fails, ff_driver answers an error although the log has the operation")   \
  X(failure_not_told, 12, "ff_driver does not tell the partner that the medium refuses")                                 \
  X(failed_flush_is_success, 12, "ff_driver takes a failed flush for a success and purges")                              \
  X(no_object_sync, 6, "fs_cache leaves out the sync of the objects")                                                    \
  X(no_directory_sync, 6, "fs_cache leaves out the sync of the directories")                                             \
  X(applied_before_entries, 6, "fs_cache writes `applied` before the names")                                             \
  X(applied_says_too_much, 6, "fs_cache writes the newest LSN into `applied`, not the flushed one")                      \
  X(forget_after_failed_flush, 12, "fs_cache drops operations whose flush has failed")                                   \
  X(retry_without_rewriting, 12, "after a failed sync, fs_cache calls the sync again instead of writing again")          \
  X(fold_ignores_cuts, 1, "fs_cache forgets that a file was shorter in between")                                         \
  X(fold_first_name_wins, 1, "fs_cache lets the first operation on a name decide, not the last")                         \
  X(fold_keeps_old_name, 1, "fs_cache leaves the old name of a rename on the medium")                                    \
  X(fold_out_of_order, 1, "fs_cache folds the log from its end to its beginning")                                        \
  X(refused_rename_happens, 3, "fs_cache refuses a rename onto an existing name, and logs it all the same")              \
  X(epoch_not_raised, 7, "fs_cache mounts a LUN without claiming a new epoch")                                           \
  X(fold_leaves_out_the_last, 1, "fs_cache leaves the last operation of a prefix out of its flush")                      \
  X(mount_ignores_mirror, 1, "fs_cache mounts a LUN whose last operations are in another node's memory")                 \
  X(mirror_not_named, 1, "fs_cache does not write into `applied` that a partner holds operations")                       \
  X(read_ignores_unwritten, 9, "fs_cache reads the medium and forgets its own unwritten bytes")                          \
  X(read_ends_at_old_size, 9, "fs_cache ends a read where the file ended when it was flushed last")                      \
  X(object_ids_start_again, 1, "fs_cache gives object ids of an earlier epoch again")                                    \
  X(size_not_logged, 1, "fs_cache writes the size of before into the record of an extending write")                      \
  X(remove_before_applied, 6, "fs_cache removes objects before `applied` says that nobody needs them")                   \
  X(rename_without_intent, 1, "fs_cache renames without writing down what it is about to do")                 \
  X(append_done_when_sent, 4, "rd_driver completes a copy when it is sent, not when the partner has it")                 \
  X(lost_copies_succeed, 4, "rd_driver, losing its connection, completes the copies on their way with success")          \
  X(store_drops_a_record, 1, "mirror_server acknowledges every hundredth record without keeping it")                     \
  X(store_empties_itself, 1, "mirror_server throws its records away when the connection is lost")                        \
  X(purge_drops_everything, 6, "mirror_server purges all it has of the LUN, whatever the LSN")                           \
  X(purge_drops_the_newest, 6, "mirror_server purges from the newest record on instead of the oldest")                   \
  X(replay_forgets_before_durable, 10, "mirror_server forgets the records before the medium has them")                   \
  X(replay_stops_early, 8, "mirror_server leaves the last record out of the replay")                                     \
  X(replay_without_flush, 8, "mirror_server ends the replay without having it made durable")                             \
  X(fence_skipped, 7, "cluster_app takes over without making sure that the partner is dead")                             \
  X(start_takes_luns_back, 7, "cluster_app, started anew, takes its LUNs although the partner serves them")              \
  X(takeover_without_replay, 8, "cluster_app serves a failed partner's LUN without replaying it")                        \
  X(stops_while_needed, 1, "cluster_app ends in order although its mirror store has what no medium has")               \
  X(loss_always_accepted, 1, "cluster_app mounts a LUN although the partner's memory has more than the medium")          \
  X(answers_before_completion, 1, "netstack answers a write when it has passed it on, not when it is complete")
// clang-format on

enum class Mutant : std::uint8_t {
  none,
#define UNDERSTUDY_MUTANT_ENUM(name, rule, text) name,
  UNDERSTUDY_MUTANT_TABLE(UNDERSTUDY_MUTANT_ENUM)
#undef UNDERSTUDY_MUTANT_ENUM
};

struct MutantFacts {
  Mutant mutant;
  std::string_view name;
  int rule;
  std::string_view text;
};
std::span<const MutantFacts> all_mutants();
std::optional<Mutant> mutant_named(std::string_view name);

namespace detail {
inline Mutant planted_mutant = Mutant::none;
}

/// Whether this bug is planted in this process.
inline bool planted(Mutant mutant) {
  return detail::planted_mutant == mutant;
}
/// Tests only. Plants one bug instead of the one before; Mutant::none: none.
inline void plant(Mutant mutant) {
  detail::planted_mutant = mutant;
}

}  // namespace understudy
