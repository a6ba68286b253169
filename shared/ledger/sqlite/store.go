// Package sqlite keeps the ledger in a SQLite file: the ledger of one machine.
//
// A person can read it with the sqlite3 command, also while dialtone runs:
//
//	SELECT id, state, location FROM ledger_items WHERE kind = 'number';
//
// The file doubles as a change feed, the local twin of a DynamoDB stream: see
// [Store.Changes].
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"dialtone/shared/ledger"
	"dialtone/shared/sqlitefile"
)

// Topic is notified at every change of the ledger; see [sqlitefile.File.Watch].
const Topic = "ledger"

// pageSize is how many items List reads at once. Between two pages no
// connection is held, so callers may use the store while they iterate.
const pageSize = 200

// Store is a [ledger.Store] in a file. It is safe for concurrent use, and so is
// the file by several processes. It has nothing to close but the file.
type Store struct {
	file *sqlitefile.File
	get  *sql.Stmt
	list *sql.Stmt
}

// New returns the store of a file, and creates or updates its tables first. A
// file of a later program gives a [*sqlitefile.NewerSchemaError].
func New(ctx context.Context, file *sqlitefile.File) (*Store, error) {
	if err := file.Migrate(ctx, "ledger", steps); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	s := &Store{file: file}
	var err error
	if s.get, err = file.Read().PrepareContext(ctx, queryGet); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	if s.list, err = file.Read().PrepareContext(ctx, queryList); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return s, nil
}

// Get implements [ledger.Store].
func (s *Store) Get(ctx context.Context, key ledger.Key) (ledger.Item, error) {
	item, err := live(s.get.QueryRowContext(ctx, string(key.Kind), key.ID))
	if err != nil {
		return ledger.Item{}, fmt.Errorf("get %s: %w", key.Kind, err)
	}
	item.Key = key
	return item, nil
}

// Put implements [ledger.Store]. A write that is refused says with
// [*ledger.ChangedError] what stands there. An error of ctx means that nothing
// was written.
func (s *Store) Put(ctx context.Context, item ledger.Item) error {
	err := s.file.Write(ctx, func(tx *sqlitefile.Tx) error {
		stands, err := live(tx.QueryRow(queryGet, string(item.Key.Kind), item.Key.ID))
		if err != nil {
			return err
		}
		if stands.Version != item.Version {
			stands.Key = item.Key
			return &ledger.ChangedError{Current: stands}
		}
		tx.Notify(Topic)
		data := string(item.Data)
		_, err = tx.Exec(queryPut, string(item.Key.Kind), item.Key.ID, item.Version+1,
			item.Index, item.Sort, unixSeconds(item.Expires), data, data, data)
		return err
	})
	if err != nil && !errors.Is(err, ledger.ErrChanged) {
		return fmt.Errorf("put %s: %w", item.Key.Kind, err)
	}
	return err
}

// List implements [ledger.Store]. It misses no write that returned before it
// began.
func (s *Store) List(ctx context.Context, index, from, to string) iter.Seq2[ledger.Item, error] {
	return func(yield func(ledger.Item, error) bool) {
		after := ledger.Item{Sort: from} // sorts before any item with that Sort, having no key
		for {
			page, err := s.page(ctx, index, after, to)
			if err != nil {
				yield(ledger.Item{}, fmt.Errorf("list %s: %w", index, err))
				return
			}
			for _, item := range page {
				if !expired(item, time.Now()) && !yield(item, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			after = page[len(page)-1]
		}
	}
}

func (s *Store) page(ctx context.Context, index string, after ledger.Item, to string) ([]ledger.Item, error) {
	var limit any = to
	if to == "" {
		limit = []byte{0xff} // any text sorts before any blob
	}
	rows, err := s.list.QueryContext(ctx, index, after.Sort, string(after.Key.Kind), after.Key.ID, limit, pageSize)
	return collect(rows, err, func(rows *sql.Rows) (ledger.Item, error) { return scan(rows) })
}

// live reads an item that counts: the zero Item when there is no row or its
// time is over.
func live(row *sql.Row) (ledger.Item, error) {
	item, err := scan(row)
	if errors.Is(err, sql.ErrNoRows) || err == nil && expired(item, time.Now()) {
		return ledger.Item{}, nil
	}
	return item, err
}

// scan reads the columns of an item, after those that dest takes.
func scan(row interface{ Scan(...any) error }, dest ...any) (ledger.Item, error) {
	var item ledger.Item
	var expires sql.NullInt64
	err := row.Scan(append(dest, &item.Key.Kind, &item.Key.ID, &item.Version, &item.Index, &item.Sort, &expires, &item.Data)...)
	if expires.Valid {
		item.Expires = time.Unix(expires.Int64, 0).UTC()
	}
	return item, err
}

func collect[T any](rows *sql.Rows, err error, scan func(*sql.Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

func expired(item ledger.Item, now time.Time) bool {
	return !item.Expires.IsZero() && !now.Before(item.Expires)
}

// unixSeconds is the column of a time: NULL for the zero time.
func unixSeconds(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Unix()
}
