package queue

// migrations are the steps of the schema; they are only ever appended to. Times
// are Unix milliseconds. A message with a receipt whose visible lies in the
// future is in flight; without a receipt it is delayed.
func migrations() []string {
	return []string{
		`CREATE TABLE queues (
			id            INTEGER PRIMARY KEY,
			name          TEXT NOT NULL UNIQUE,
			visibility_ms INTEGER NOT NULL,
			delay_ms      INTEGER NOT NULL,
			retention_ms  INTEGER NOT NULL,
			max_receives  INTEGER NOT NULL, -- 0: no dead-letter queue
			dead_letter   INTEGER REFERENCES queues (id),
			content_dedup INTEGER NOT NULL,
			max_bytes     INTEGER NOT NULL
		) STRICT`,
		`CREATE TABLE queue_messages (
			seq            INTEGER PRIMARY KEY AUTOINCREMENT, -- order of arrival
			queue          INTEGER NOT NULL,
			ordered        INTEGER NOT NULL, -- 1: of a FIFO queue
			id             TEXT NOT NULL,
			grp            TEXT NOT NULL,
			dedup          TEXT NOT NULL,
			body           TEXT NOT NULL,
			attributes     TEXT NOT NULL, -- JSON, '' when there are none
			sent           INTEGER NOT NULL,
			visible        INTEGER NOT NULL, -- may be received from then on
			receives       INTEGER NOT NULL DEFAULT 0,
			lost           INTEGER NOT NULL DEFAULT 0, -- receives that died with their process
			first_received INTEGER NOT NULL DEFAULT 0,
			received       INTEGER NOT NULL DEFAULT 0, -- the last time
			receipt        TEXT NOT NULL DEFAULT '',   -- of the last receive
			source         INTEGER NOT NULL DEFAULT 0  -- queue it was dead-lettered from
		) STRICT`,
		`CREATE INDEX queue_messages_visible ON queue_messages (queue, visible)`,
		`CREATE INDEX queue_messages_sent ON queue_messages (queue, sent)`,
		`CREATE INDEX queue_messages_group ON queue_messages (queue, grp) WHERE ordered = 1`,

		// One row for each group of a FIFO queue that has messages. A group is
		// received from when free has come: its first message is visible then
		// and none of its messages is in flight.
		`CREATE TABLE queue_groups (
			queue INTEGER NOT NULL,
			grp   TEXT NOT NULL,
			free  INTEGER NOT NULL,
			PRIMARY KEY (queue, grp)
		) STRICT, WITHOUT ROWID`,
		`CREATE INDEX queue_groups_free ON queue_groups (queue, free)`,

		// What was sent in the deduplication window, whether deleted or not.
		`CREATE TABLE queue_dedup (
			queue   INTEGER NOT NULL,
			dedup   TEXT NOT NULL,
			id      TEXT NOT NULL,
			seq     INTEGER NOT NULL,
			expires INTEGER NOT NULL,
			PRIMARY KEY (queue, dedup)
		) STRICT, WITHOUT ROWID`,
		`CREATE INDEX queue_dedup_expires ON queue_dedup (queue, expires)`,
	}
}
