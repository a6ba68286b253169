package ledgertest

import "maps"

// ledgerTests are the operations of [ledger.Ledger] on the store; each runs on
// every view.
func ledgerTests() map[string]run {
	all := map[string]run{}
	for _, m := range []map[string]run{requestTests(), numberTests(), personTests(), recallTests(), otherTests(), deadLetterTests(), triesTests(), pauseTests(), simRingTests(), contactsTests()} {
		maps.Copy(all, m)
	}
	return all
}
