// Package boot puts Dream Lab together: it opens what the configuration names
// (database, queue, bucket, vendors), keeps the one list of vendors, and runs
// the processes as one group that starts and stops in order.
//
// It decides nothing about the work itself and reads no environment: what it is
// to do stands in a [config.Config].
package boot
