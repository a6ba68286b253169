package queue

import "dialtone/shared/sqlitefile"

// joinGroup makes a group known when its first message arrives. A message that
// joins others changes nothing: it waits behind them.
func joinGroup(tx *sqlitefile.Tx, queue int64, group string, visible int64) error {
	_, err := tx.Exec(`INSERT INTO queue_groups (queue, grp, free) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
		queue, group, visible)
	return err
}

const frontOfGroup = `SELECT visible, receipt <> '' FROM queue_messages
	WHERE queue = ? AND grp = ? AND ordered = 1 ORDER BY seq LIMIT 10`

// settleGroup works out anew when a group may be received from, after a message
// of it was received, hidden or removed. Messages in flight are always among
// the first 10: a receive takes them from the front, and there is no other
// until all of them are free again.
func settleGroup(tx *sqlitefile.Tx, queue int64, group string) error {
	rows, err := tx.Query(frontOfGroup, queue, group)
	if err != nil {
		return err
	}
	defer rows.Close()
	var free int64
	empty := true
	for rows.Next() {
		var visible int64
		var received bool
		if err := rows.Scan(&visible, &received); err != nil {
			return err
		}
		if empty || received {
			free = max(free, visible)
		}
		empty = false
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if empty {
		_, err = tx.Exec(`DELETE FROM queue_groups WHERE queue = ? AND grp = ?`, queue, group)
		return err
	}
	_, err = tx.Exec(`INSERT INTO queue_groups (queue, grp, free) VALUES (?, ?, ?)
		ON CONFLICT (queue, grp) DO UPDATE SET free = excluded.free`, queue, group, free)
	return err
}

// settle does so for a message of this queue, if it has groups, and wakes the
// receivers.
func (t *turn) settle(group string) error {
	t.tx.Notify(topic(t.id))
	if !t.config.FIFO() {
		return nil
	}
	return settleGroup(t.tx, t.id, group)
}
