-- The name that whoever sends a notification gives it, by which a retry is known.

ALTER TABLE notifications ADD COLUMN sent_as TEXT;

CREATE UNIQUE INDEX notifications_by_key ON notifications (user, sent_as)
  WHERE sent_as IS NOT NULL;
