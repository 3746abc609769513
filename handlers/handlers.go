// Package handlers holds what all task handlers share: the only way to make a paid call, the
// resolution of a model's name to its targets, and the texts in which a vendor's error is shown
// to a client. Each capability (chat, experience, dream, tune, schedule) has a folder of its
// own below it.
//
// It knows no vendor by name and no queue: the targets come from routes, and the state of a job
// from its row.
package handlers
