package ledgertest_test

import (
	"testing"

	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
)

func TestMemory(t *testing.T) {
	ledgertest.Run(t, func(*testing.T) ledger.Store { return ledgertest.NewMemory() })
}
