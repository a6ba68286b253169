//go:build e2e

package emulators_test

// What each emulator gets wrong about SQS, by row of the queue suite. The suite
// runs these rows all the same, reports each, and fails when one passes.

func fauxqsWrong() map[string]string {
	const oneByOne = "gives one message of a group in a receive, however many may come together"
	return map[string]string{
		"body comes back byte for byte":                         "refuses characters outside the basic plane",
		"group id on a standard queue comes back":               "drops it",
		"batch send fails in part":                              "takes a bad entry",
		"batch delete fails in part":                            "takes a garbage receipt",
		"delay over 15 minutes is refused":                      "takes it",
		"batch over the limit":                                  "takes it",
		"garbage receipt is refused":                            "takes it in a delete, and says not in flight of a change",
		"bad attributes are refused":                            "takes every one",
		"fifo parameters on a standard queue are refused":       "takes them",
		"visibility of a returned message cannot change":        "takes a change after the timeout",
		"retention ends":                                        "keeps messages for ever",
		"fifo: order in a group":                                oneByOne,
		"fifo: group is locked in flight":                       oneByOne,
		"fifo: group stays locked while any of it is in flight": oneByOne,
		"fifo: order after the timeout":                         oneByOne,
		"fifo: returned message comes first":                    oneByOne,
		"fifo: duplicates in a batch":                           oneByOne,
		"fifo: content-based deduplication":                     oneByOne,
		"fifo: dead letters keep their order":                   oneByOne,
		"fifo: receipt ends with the timeout":                   "takes the delete",
		"redrive returns messages":                              "has no StartMessageMoveTask",
		"fifo: redrive passes the deduplication window":         "has no StartMessageMoveTask",
	}
}

func elasticMQWrong() map[string]string {
	return map[string]string{
		"retention ends":                                 "keeps messages for ever",
		"delete twice is a success":                      "calls the receipt invalid at the second",
		"body up to the limit":                           "ignores the queue's own limit",
		"attributes count towards the limit":             "does not count them",
		"batch over the limit":                           "ignores the queue's own limit",
		"empty body is refused":                          "with code InvalidAttributeValue",
		"control characters are refused":                 "with code InvalidAttributeValue",
		"batch sizes":                                    "takes an empty batch",
		"receive limits":                                 "with code InvalidAttributeValue",
		"visibility over 12 hours is refused":            "takes it",
		"bad attributes are refused":                     "takes two dots, and calls an empty value missing",
		"visibility of a returned message cannot change": "takes a change after the timeout",
		"fifo: returned message comes first":             "returns it while another of its group is in flight",
		"fifo: receipt ends with the timeout":            "takes the delete",
		"fifo: dead letter frees its group":              "gives a dead letter the message id as deduplication id",
		"fifo: redrive passes the deduplication window":  "drops what comes back within the window",
	}
}

func localAWSSQSWrong() map[string]string {
	const unlocked = "does not lock groups in flight"
	return map[string]string{
		"body up to the limit":                                  "ignores the queue's own limit",
		"batch over the limit":                                  "ignores the queue's own limit",
		"control characters are refused":                        "takes them",
		"bad attributes are refused":                            "takes a bad name",
		"counts":                                                "counts messages in flight as visible, too",
		"retention ends":                                        "counts messages in flight as visible, too",
		"purge":                                                 "gives out a message that was sent before",
		"stale receipt cannot delete":                           "takes it",
		"stale receipt cannot change visibility":                "takes it",
		"visibility zero returns at once":                       "counts the return as a receive",
		"visibility of a returned message cannot change":        "takes a change after the timeout",
		"dead letter after exactly three returned receives":     "counts the return as a receive",
		"fifo: dead letter frees its group":                     "counts the return as a receive",
		"fifo: group is locked in flight":                       unlocked,
		"fifo: group stays locked while any of it is in flight": unlocked,
		"fifo: other groups flow":                               unlocked,
		"fifo: returned message comes first":                    unlocked,
		"fifo: order with several receivers":                    unlocked,
		"fifo: duplicates in a batch":                           unlocked,
		"fifo: sequence numbers rise":                           "counts each group from a number of its own",
		"fifo: deduplication outlives the delete":               "forgets with the message",
	}
}

// localAWSSQSUnsteady are the rows that hang on how quickly calls follow each
// other.
func localAWSSQSUnsteady() []string {
	return []string{
		"fifo: group is locked in flight", "fifo: group stays locked while any of it is in flight", "fifo: other groups flow",
		"fifo: returned message comes first", "fifo: order with several receivers", "fifo: duplicates in a batch",
	}
}

func motoWrong() map[string]string {
	const noDedup = "gives a duplicate an id of its own"
	return map[string]string{
		"retention ends":                                  "still counts what it gives out no more",
		"body up to the limit":                            "ignores the queue's own limit",
		"attributes count towards the limit":              "does not count them",
		"batch over the limit":                            "ignores the queue's own limit",
		"empty body is refused":                           "takes it",
		"control characters are refused":                  "takes them",
		"batch sizes":                                     "looks at the ids of a batch of 11 first",
		"batch send fails in part":                        "answers in a way that the client library cannot read",
		"bad attributes are refused":                      "takes two dots and more",
		"fifo parameters on a standard queue are refused": "takes them",
		"stale receipt cannot delete":                     "takes it",
		"stale receipt cannot change visibility":          "takes it",
		"visibility of a returned message cannot change":  "takes a change after the timeout",
		"redrive returns messages":                        "fails inside",
		"fifo: redrive passes the deduplication window":   "fails inside",
		"fifo: sequence numbers rise":                     "draws them by lot",
		"fifo: duplicate gets the same id":                noDedup,
		"fifo: duplicates in a batch":                     noDedup,
		"fifo: content-based deduplication":               noDedup,
		"fifo: deduplication outlives the delete":         noDedup,
		"no message goes to two receivers at once":        "closes connections under load, so that what was received is lost for a while",
		"fifo: order after the timeout":                   "keeps the first message of the group back",
		"fifo: receipt ends with the timeout":             "takes the delete",
	}
}

func motoUnsteady() []string { return []string{"no message goes to two receivers at once"} }
