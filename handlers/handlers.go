// Package handlers is the room of the work that package tasks names: one
// folder a capability (chat, experience, dream, tune, schedule), and here what
// they share: the one way to make a paid call, the one way to find out who
// serves a model's name, and the words in which a vendor's failure is told to
// a client.
//
// It knows no vendor by name and no queue: who is asked comes from routes,
// whether a job runs from its row.
package handlers
