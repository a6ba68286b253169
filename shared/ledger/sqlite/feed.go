package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"dialtone/shared/ledger"
	"dialtone/shared/sqlitefile"
)

// Change is the latest image of an item that was written.
type Change struct {
	Seq  int64 // of the write: later writes have higher numbers
	Item ledger.Item
}

// Changes returns up to limit changes after a sequence number (0: from the
// start), in the order of the writes; empty when there are none. An item that
// was written several times comes once, as it is now and in the place of its
// last write. Expired items come too until they are purged.
//
// A reader that saves its cursor after it has acted on a change misses none
// and sees some twice after a crash: see [Store.SaveCursor].
func (s *Store) Changes(ctx context.Context, after int64, limit int) ([]Change, error) {
	rows, err := s.file.Read().QueryContext(ctx, queryChanges, after, limit)
	changes, err := collect(rows, err, func(rows *sql.Rows) (c Change, err error) {
		c.Item, err = scan(rows, &c.Seq)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	return changes, nil
}

// Cursor returns the sequence number saved under a name; 0 when there is none.
func (s *Store) Cursor(ctx context.Context, name string) (seq int64, err error) {
	err = s.file.Read().QueryRowContext(ctx, queryCursor, name).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read cursor %s: %w", name, err)
	}
	return seq, nil
}

// SaveCursor keeps a sequence number under a name, durably. A cursor never goes
// back: a lower number than the one saved is ignored.
func (s *Store) SaveCursor(ctx context.Context, name string, seq int64) error {
	err := s.file.Write(ctx, func(tx *sqlitefile.Tx) error {
		_, err := tx.Exec(querySaveCursor, name, seq)
		return err
	})
	if err != nil {
		return fmt.Errorf("save cursor %s: %w", name, err)
	}
	return nil
}

// Purge deletes up to limit expired items, those that expired first, and
// returns how many it deleted. Fewer than limit means that it is done; the item
// written last stays in any case.
func (s *Store) Purge(ctx context.Context, limit int) (deleted int, err error) {
	err = s.file.Write(ctx, func(tx *sqlitefile.Tx) error {
		result, err := tx.Exec(queryPurge, time.Now().Unix(), limit)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		deleted = int(n)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("purge ledger: %w", err)
	}
	return deleted, nil
}
