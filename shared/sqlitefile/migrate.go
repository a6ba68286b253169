package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Migrate brings the tables of one package up to date: of steps, SQL texts
// that are only ever appended to, those that the file has not seen run in
// order, in one transaction. Several packages use one file, each under its own
// schema name and with its own table names. Two processes may migrate at the
// same time. A file that has more steps than this program knows gives a
// [*NewerSchemaError].
func (f *File) Migrate(ctx context.Context, schema string, steps []string) error {
	err := f.Write(ctx, func(tx *Tx) error {
		version, err := schemaVersion(tx, schema)
		if err != nil {
			return err
		}
		if version > len(steps) {
			return &NewerSchemaError{Schema: schema, Have: version, Known: len(steps)}
		}
		for i, step := range steps[version:] {
			if _, err := tx.Exec(step); err != nil {
				return fmt.Errorf("step %d: %w", version+i+1, err)
			}
		}
		_, err = tx.Exec(`INSERT INTO schema_versions (schema, version) VALUES (?, ?)
			ON CONFLICT (schema) DO UPDATE SET version = excluded.version
			WHERE version <> excluded.version`, schema, len(steps))
		return err
	})
	if err != nil {
		return fmt.Errorf("migrate %s in %s: %w", schema, f.path, err)
	}
	return nil
}

func schemaVersion(tx *Tx, schema string) (version int, err error) {
	if _, err := tx.Exec(`CREATE TABLE IF NOT EXISTS schema_versions (
		schema TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT`); err != nil {
		return 0, err
	}
	err = tx.QueryRow(`SELECT version FROM schema_versions WHERE schema = ?`, schema).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return version, err
}
