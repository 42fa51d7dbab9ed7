//! Trimming: readers find out what is to be removed, and the writer removes it, step by step.

use super::{
    SqliteStore, read,
    write::{Cut, TrimNotifications, TrimRooms},
};
use crate::{Keep, Retention, StoreError, Time, Trimmed};

impl SqliteStore {
    /// Removes what need not be kept any longer.
    pub(super) async fn trim_all(
        &self,
        policy: &Retention,
        now: Time,
    ) -> Result<Trimmed, StoreError> {
        Ok(Trimmed {
            messages: self.trim_rooms(policy, now).await?,
            notifications: self.trim_notifications(policy.notifications, now).await?,
        })
    }

    async fn trim_rooms(&self, policy: &Retention, now: Time) -> Result<u64, StoreError> {
        let mut removed = 0;
        let mut after = Some(0);
        while let Some(row) = after
            && policy.rooms.iter().any(|it| !it.keep.everything())
        {
            let policy = policy.clone();
            let plan = self
                .readers
                .read(move |it| read::trim::rooms(it, &policy, now, row))
                .await?;
            after = plan.next;
            let mut cuts: &[Cut] = &plan.cuts;
            while !cuts.is_empty() {
                let step = self.write_for_the_house(TrimRooms(cuts.to_vec())).await?;
                removed += step.rows;
                cuts = &cuts[step.cuts..];
            }
        }
        Ok(removed)
    }

    async fn trim_notifications(&self, keep: Keep, now: Time) -> Result<u64, StoreError> {
        let mut removed = 0;
        let mut after = Some(0);
        while let Some(row) = after
            && !keep.everything()
        {
            let plan = self
                .readers
                .read(move |it| read::trim::notifications(it, keep, now, row))
                .await?;
            after = plan.next;
            let mut cuts: &[Cut] = &plan.cuts;
            while !cuts.is_empty() {
                let step = self
                    .write_for_the_house(TrimNotifications(cuts.to_vec()))
                    .await?;
                removed += step.rows;
                cuts = &cuts[step.cuts..];
            }
        }
        Ok(removed)
    }
}
