// Package e2e proves the AWS side as a whole, without AWS: the real bootstraps,
// each behind the Lambda Runtime API, on emulators of SQS, DynamoDB, Secrets
// Manager and EventBridge that have the resources of the rendered template.yaml,
// against the simulators of both vendors.
//
// It is all in tests behind the build tag e2e: `make e2e`.
//
// Taken from the template: every queue with its attributes, the table, the bus,
// and of every function its variables, timeout, concurrency and event source.
// Left out, since no emulator has them or off AWS they mean nothing: roles, VPC,
// log groups, alarms, aliases and deployments. The stream of the table is played
// by package stream; the event source mappings are the project's own.
package e2e
