package sqlitefile

import (
	"context"
	"database/sql"
)

// maxStatements bounds the prepared statements kept. Query texts are constants
// of the program, so a program stays far below it; built texts beyond it are
// compiled each time.
const maxStatements = 512

// Tx is the view that one write operation has of the file: it reads its own
// changes and those of every operation before it. It is valid only until the
// operation returns, on the goroutine that runs it.
//
// Statements must not begin, commit or roll back transactions.
type Tx struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	topics     []string // to notify if this operation commits
}

// Exec runs a statement that returns no rows. Query texts should be constants:
// each text is compiled once and kept.
func (tx *Tx) Exec(query string, args ...any) (sql.Result, error) {
	statement, err := tx.prepare(query)
	if err != nil {
		return nil, classify(err)
	}
	if statement == nil {
		result, err := tx.conn.ExecContext(context.Background(), query, args...)
		return result, classify(err)
	}
	result, err := statement.ExecContext(context.Background(), args...)
	return result, classify(err)
}

// Query runs a statement that returns rows. They must be closed before the
// same text is run again and before the operation returns.
func (tx *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	statement, err := tx.prepare(query)
	if err != nil {
		return nil, classify(err)
	}
	if statement == nil {
		rows, err := tx.conn.QueryContext(context.Background(), query, args...)
		return rows, classify(err)
	}
	rows, err := statement.QueryContext(context.Background(), args...)
	return rows, classify(err)
}

// QueryRow runs a statement that returns at most one row; its errors, such as
// [sql.ErrNoRows], come from Scan.
func (tx *Tx) QueryRow(query string, args ...any) *sql.Row {
	statement, err := tx.prepare(query)
	if err != nil || statement == nil {
		return tx.conn.QueryRowContext(context.Background(), query, args...)
	}
	return statement.QueryRowContext(context.Background(), args...)
}

// Notify wakes the watchers of topic (see [File.Watch]) once the operation is
// durable, and not at all if it fails.
func (tx *Tx) Notify(topic string) { tx.topics = append(tx.topics, topic) }

// prepare returns the kept statement for a text, or nil when no more are kept.
// No context of a caller reaches SQLite here: an interrupted statement would
// roll back the whole group.
func (tx *Tx) prepare(query string) (*sql.Stmt, error) {
	if statement, ok := tx.statements[query]; ok {
		return statement, nil
	}
	if len(tx.statements) >= maxStatements {
		return nil, nil
	}
	statement, err := tx.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	tx.statements[query] = statement
	return statement, nil
}
