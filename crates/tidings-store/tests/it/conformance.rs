//! What every store does, whatever it keeps its data in: a function for each behaviour, which is
//! given a place where there is nothing yet. `conformance!` makes tests of all of them.

mod amendments;
mod appending;
mod documents;
mod ends;
mod members;
mod model;
mod notifications;
mod outbox;
mod receipts;
mod since;
mod trimming;

use std::sync::Arc;

use tidings_store::{Announcer, Store};

pub(crate) use self::{
    amendments::*, appending::*, documents::*, ends::*, members::*, model::*, notifications::*,
    outbox::*, receipts::*, since::*, trimming::*,
};

/// Where stores can be opened one after the other, each with the data of the one before.
pub(crate) trait Place {
    fn open(&self) -> Arc<dyn Store>;

    /// Opens one with an announcer, and room for so many events and bytes in its outbox.
    fn open_announcing(
        &self,
        announcer: Arc<dyn Announcer>,
        events: u64,
        bytes: u64,
    ) -> Arc<dyn Store>;
}

/// Makes a test of each behaviour, run with the place that the expression makes.
macro_rules! conformance {
    ($place:expr) => {
        $crate::conformance::conformance! { $place;
            a_room_counts_its_messages,
            what_was_stored_is_read,
            a_retry_is_answered_with_the_first_message,
            a_retry_that_overtakes_its_answer_is_not_a_second_message,
            names_of_messages_are_the_senders_own,
            outcomes_come_in_the_order_of_the_calls,
            a_barrier_stands_between_what_was_said_before_and_after,
            whoever_is_told_may_panic_and_may_write,
            pages_go_back_from_the_newest_and_on_from_the_oldest,

            changes_take_numbers_of_the_room,
            a_deleted_message_leaves_a_tombstone,
            only_the_sender_and_moderators_change_a_message,
            what_is_not_there_cannot_be_changed,

            since_gives_what_was_said_and_what_was_changed,
            since_says_when_it_is_not_everything,
            since_bounds_changes_too,

            receipts_only_go_forward,
            receipts_come_latest_first,

            notifications_come_newest_first,
            notifications_are_read_once,
            names_of_notifications_are_the_users_own,
            a_notification_that_is_sent_again_is_answered_with_the_first,

            members_come_and_go,
            users_are_known_by_when_they_were_last_seen,

            records_follow_each_other,
            a_snapshot_stands_for_the_records_before_it,
            documents_are_listed_by_name,
            versions_are_kept_by_time,
            a_deleted_document_leaves_what_is_to_remain,

            rooms_keep_as_many_as_their_rule_says,
            rooms_keep_what_is_young_enough,
            trimming_is_not_a_silent_gap,
            numbers_go_on_after_everything_is_trimmed,
            much_is_trimmed_in_small_steps,
            notifications_are_trimmed_for_each_user,

            what_is_written_is_announced_with_it,
            the_outbox_is_read_in_pieces,
            events_are_kept_until_every_reader_has_them,
            much_is_removed_from_the_outbox_in_small_steps,
            a_full_outbox_keeps_what_is_newest,
            whoever_reads_learns_of_the_next_event,

            everything_is_there_after_reopening,
            a_snapshot_is_given_once,
            closing_finishes_what_is_queued,
            a_closed_store_refuses_everything,
            what_is_done_is_counted,

            random_operations_do_what_a_simple_model_does,
        }
    };
    ($place:expr; $($behaviour:ident,)*) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                $crate::conformance::$behaviour(&$place).await;
            }
        )*
    };
}
pub(crate) use conformance;
