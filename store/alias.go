package store

import (
	"context"

	"dreamlab/store/blob"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/flight"
	"dreamlab/store/job"
	"dreamlab/store/learn"
)

// The nouns of the database.
type (
	Conn       = db.Conn
	Copier     = db.Copier
	Dialect    = db.Dialect
	Driver     = db.Driver
	Durability = db.Durability
	Page       = db.Page
	Rows       = db.Rows
	Statement  = db.Statement
)

// The nouns of jobs.
type (
	Acceptance = job.Acceptance
	Accepted   = job.Accepted
	Backlog    = job.Backlog
	DeadFilter = job.DeadFilter
	Delivery   = job.Delivery
	Dispatched = job.Dispatched
	Finish     = job.Finish
	Hold       = job.Hold
	HoldState  = job.HoldState
	Job        = job.Job
	JobError   = job.Error
	JobFilter  = job.Filter
	JobRef     = job.Ref
	JobState   = job.State
	LaneCount  = job.LaneCount
	Limits     = job.Limits
	Moved      = job.Moved
	NewJob     = job.NewJob
	Outlook    = job.Outlook
	Picked     = job.Picked
	Queue      = job.Queue
	Schedule   = job.Schedule
	Share      = job.Share
)

// The nouns of money.
type (
	Commitment = book.Commitment
	Effect     = book.Effect
	Entry      = book.Entry
	EntryState = book.EntryState
	Lost       = book.Lost
	Spend      = book.Spend
)

// The nouns of what is learned.
type (
	Dataset          = learn.Dataset
	Decision         = learn.Decision
	Dream            = learn.Dream
	DreamCounts      = learn.DreamCounts
	Evaluation       = learn.Evaluation
	Example          = learn.Example
	Experience       = learn.Experience
	ExperienceFilter = learn.ExperienceFilter
	File             = learn.File
	Floor            = learn.Floor
	Lesson           = learn.Lesson
	Step             = learn.Step
	Manifest         = learn.Manifest
	Memory           = learn.Memory
	Model            = learn.Model
	Reflection       = learn.Reflection
	Report           = learn.Report
	Route            = learn.Route
	RouteTarget      = learn.RouteTarget
	Traces           = learn.Traces
	Training         = learn.Training
	Tune             = learn.Tune
)

// The words of the database.
const (
	Postgres = db.Postgres
	Relaxed  = db.Relaxed
	SQLite   = db.SQLite
	Synced   = db.Synced
)

// The words of jobs.
const (
	AttemptCrashed    = job.AttemptCrashed
	AttemptHandedBack = job.AttemptHandedBack
	DeliveryKind      = job.DeliveryKind
	JobCancelled      = job.StateCancelled
	JobDispatched     = job.StateDispatched
	JobExpired        = job.StateExpired
	JobFailed         = job.StateFailed
	JobQueued         = job.StateQueued
	JobRunning        = job.StateRunning
	JobSucceeded      = job.StateSucceeded
	JobWaiting        = job.StateWaiting
	MaxCrashes        = job.MaxCrashes
)

// The words of money.
const (
	EntryOpen    = book.EntryOpen
	EntrySettled = book.EntrySettled
	EntryUnknown = book.EntryUnknown
	EntryVoid    = book.EntryVoid
)

// The words of what is learned.
const (
	DefaultAlias      = learn.DefaultAlias
	ModelCandidate    = learn.ModelCandidate
	ModelServing      = learn.ModelServing
	ModelStopped      = learn.ModelStopped
	ModelTrained      = learn.ModelTrained
	OriginCache       = learn.OriginCache
	OriginDream       = learn.OriginDream
	OriginImport      = learn.OriginImport
	OriginLive        = learn.OriginLive
	OriginMemory      = learn.OriginMemory
	TrainingCancelled = learn.TrainingCancelled
	TrainingFailed    = learn.TrainingFailed
	TrainingSucceeded = learn.TrainingSucceeded
)

// What callers tell apart, and the functions of the rooms.
var (
	ErrBusy           = db.ErrBusy
	ErrConflict       = db.ErrConflict
	ErrFenced         = db.ErrFenced
	ErrFull           = db.ErrFull
	ErrNotFound       = db.ErrNotFound
	ErrText           = db.ErrText
	EachRow           = db.EachRow
	NewID             = db.NewID
	NounOf            = db.NounOf
	Rebind            = db.Rebind
	RunNow            = db.RunNow
	ErrRouteChanged   = job.ErrRouteChanged
	CanMove           = job.CanMove
	SpendGroup        = book.SpendGroup
	Before            = learn.Before
	HeldOut           = learn.HeldOut
	MemoryID          = learn.MemoryID
	DatasetObject     = blob.DatasetObject
	DreamObject       = blob.DreamObject
	FileObject        = blob.FileObject
	ImportObject      = blob.ImportObject
	ManifestObject    = blob.ManifestObject
	MemoryObject      = blob.MemoryObject
	ReflectionsObject = blob.ReflectionsObject
)

// Group is flight.Group.
type Group[T any] = flight.Group[T]

// Reads is flight.Reads.
type Reads[K comparable, V any] = flight.Reads[K, V]

// GroupTime is flight.GroupTime.
const GroupTime = flight.GroupTime

// NewGroup is flight.NewGroup.
func NewGroup[T any](width int, run func(ctx context.Context, items []T)) *Group[T] {
	return flight.NewGroup(width, run)
}
