package sqlite

// steps build the tables; they are only ever appended to.
//
// Columns are for people and for queries: data holds the whole state as JSON,
// state and location are copied from it at each write (generated columns would
// do that by themselves, but no index covers a query of them). expires is in
// Unix seconds.
var steps = []string{`
CREATE TABLE ledger_items (
	kind     TEXT    NOT NULL,
	id       TEXT    NOT NULL,
	version  INTEGER NOT NULL,
	seq      INTEGER NOT NULL,
	idx      TEXT    NOT NULL,
	sort     TEXT    NOT NULL,
	expires  INTEGER,
	data     TEXT    NOT NULL,
	state    TEXT,
	location TEXT,
	PRIMARY KEY (kind, id)
) STRICT;
CREATE UNIQUE INDEX ledger_items_by_seq ON ledger_items (seq);
CREATE INDEX ledger_items_by_list ON ledger_items (idx, sort, kind, id) WHERE idx <> '';
CREATE INDEX ledger_items_by_expiry ON ledger_items (expires) WHERE expires IS NOT NULL;
CREATE INDEX ledger_items_by_state ON ledger_items (kind, state, location, expires) WHERE state IS NOT NULL;

CREATE TABLE ledger_cursors (
	name TEXT    PRIMARY KEY,
	seq  INTEGER NOT NULL
) STRICT;
`}

// Every query goes through an index; a test asks SQLite for its plans.
const (
	columns = `kind, id, version, idx, sort, expires, data`

	queryGet = `SELECT ` + columns + ` FROM ledger_items WHERE kind = ? AND id = ?`

	// The next sequence number is one above the highest, which is why queryPurge
	// leaves the newest row alone.
	queryPut = `INSERT INTO ledger_items (kind, id, version, idx, sort, expires, data, state, location, seq)
		VALUES (?, ?, ?, ?, ?, ?, ?, ? ->> '$.state', ? ->> '$.locationId',
			(SELECT coalesce(max(seq), 0) + 1 FROM ledger_items))
		ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, idx = excluded.idx,
			sort = excluded.sort, expires = excluded.expires, data = excluded.data,
			state = excluded.state, location = excluded.location, seq = excluded.seq`

	queryList = `SELECT ` + columns + ` FROM ledger_items
		WHERE idx = ? AND idx <> '' AND (sort, kind, id) > (?, ?, ?) AND sort <= ?
		ORDER BY sort, kind, id LIMIT ?`

	queryChanges = `SELECT seq, ` + columns + ` FROM ledger_items WHERE seq > ? ORDER BY seq LIMIT ?`

	queryCursor = `SELECT seq FROM ledger_cursors WHERE name = ?`

	querySaveCursor = `INSERT INTO ledger_cursors (name, seq) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > seq`

	queryPurge = `DELETE FROM ledger_items WHERE seq IN (
		SELECT seq FROM ledger_items
		WHERE expires <= ? AND seq < (SELECT max(seq) FROM ledger_items)
		ORDER BY expires LIMIT ?)`

	queryRequests = `SELECT state, count(*) FROM ledger_items
		WHERE kind = 'request' AND state IS NOT NULL AND (expires IS NULL OR expires > ?)
		GROUP BY state`

	queryNumbers = `SELECT coalesce(location, ''), state, count(*) FROM ledger_items
		WHERE kind = 'number' AND state IS NOT NULL AND (expires IS NULL OR expires > ?)
		GROUP BY state, location`
)
