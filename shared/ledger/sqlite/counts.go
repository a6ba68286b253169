package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"dialtone/shared/ledger"
)

// Requests counts the requests by state. States without requests are left out.
func (s *Store) Requests(ctx context.Context) (map[ledger.RequestState]int, error) {
	rows, err := s.file.Read().QueryContext(ctx, queryRequests, time.Now().Unix())
	counts := map[ledger.RequestState]int{}
	_, err = collect(rows, err, func(rows *sql.Rows) (n int, err error) {
		var state ledger.RequestState
		err = rows.Scan(&state, &n)
		counts[state] = n
		return n, err
	})
	if err != nil {
		return nil, fmt.Errorf("count requests: %w", err)
	}
	return counts, nil
}

// Numbers counts the numbers that the ledger knows by location ID and state.
// What was never used is not among them.
func (s *Store) Numbers(ctx context.Context) (map[string]map[ledger.NumberState]int, error) {
	rows, err := s.file.Read().QueryContext(ctx, queryNumbers, time.Now().Unix())
	counts := map[string]map[ledger.NumberState]int{}
	_, err = collect(rows, err, func(rows *sql.Rows) (n int, err error) {
		var location string
		var state ledger.NumberState
		err = rows.Scan(&location, &state, &n)
		if counts[location] == nil {
			counts[location] = map[ledger.NumberState]int{}
		}
		counts[location][state] = n
		return n, err
	})
	if err != nil {
		return nil, fmt.Errorf("count numbers: %w", err)
	}
	return counts, nil
}
