// Package chat is a chat's way in and its reply: the job that a chat becomes, the
// stream on which its answer comes back, and what happens when its client leaves.
package chat

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/api/cache"
	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// Engine ends jobs. *engine.Engine is one.
type Engine interface {
	// Cancel asks for a job's end. Repeating it is harmless.
	Cancel(ctx context.Context, tenant, id string) (job.Job, error)
}

// Contexts knows what the models of the catalogue take. It is safe for concurrent use.
type Contexts interface {
	// Context finds a model by the name provider/model. Its tokens are 0 where they are
	// not known.
	Context(model string) (tokens int, found bool)
	// TakesOption tells whether any vendor takes a parameter that OpenAI does not have.
	TakesOption(name string) bool
}

// Options set up Chats. Absence and Log are optional.
type Options struct {
	Gate    *gate.Gate
	Engine  Engine
	Store   *store.Store
	Replies Replies
	Models  Contexts
	// Cache holds answers to what was asked before. Defaults to none.
	Cache *cache.Cache
	// Vector turns a question into a vector for the cache, as a call of the same key's. Defaults to
	// none: questions have to be equal.
	Vector func(c *wire.Call, text string) ([]float32, error)
	// Absence is how long a chat goes on whose client went away. Defaults to 10
	// seconds.
	Absence time.Duration
	// Sandbox says that no model here is real.
	Sandbox bool
	// Log is told of chats that were cancelled because their clients did not come back. Defaults to silence.
	Log zerolog.Logger
}

// Chats serves chats. It is safe for concurrent use.
type Chats struct {
	Options
	absent  *absentees
	quiet   *watcher
	aliases *aliases
	tuned   *tuned
	hits    *hits
	life    context.Context    // of the reports and the refreshes
	stop    context.CancelFunc // ends it
	reports sync.WaitGroup
	// refreshes are the stale answers that this process asks anew just now.
	refreshes chan struct{}
}

// New returns what serves chats until Close.
func New(o Options) *Chats {
	if o.Absence <= 0 {
		o.Absence = 10 * time.Second
	}
	s := &Chats{Options: o, refreshes: make(chan struct{}, maxRefreshes), aliases: newAliases(o.Store),
		tuned: newTuned(o.Store), quiet: newWatcher(o.Store, o.Log), hits: newHits(o.Store.AddHits)}
	s.absent = newAbsentees(o.Absence, s.drop)
	s.life, s.stop = context.WithCancel(context.Background())
	s.reports.Go(func() { s.report(s.life) })
	s.reports.Go(func() { s.hits.keep(s.life, s.Log) })
	return s
}

// Close forgets the chats whose clients went away, and stores what was counted.
func (s *Chats) Close() {
	s.stop()
	s.reports.Wait()
	s.absent.close()
	s.quiet.close()
}

// startWithin is how long a chat may wait for a worker while its client waits.
const startWithin = 60 * time.Second

// interactive is the priority of a chat whose client waits: it goes before what
// its tenant has left to the background.
const interactive = 9

// finding finds the route of an alias.
type finding func(context.Context, aliasOf) (learn.Route, error)

// reading is a chat that was read, and the targets of its model.
type reading struct {
	body    []byte
	request *tasks.ChatRequest
	by      served
	missed  bool // the cache had no answer
	began   time.Time
}

func (r *reading) input() tasks.ChatInput {
	input := r.request.Input(r.body, r.by.Alias)
	input.Missed = r.missed
	return input
}

// readChat reads a chat.
func (s *Chats) readChat(c *wire.Call, body []byte) (*reading, error) {
	began := time.Now()
	request, err := tasks.ParseChatTaking(body, s.Models.TakesOption)
	if err != nil {
		return nil, err
	}
	return &reading{body: body, request: request, began: began}, c.MayAsk(request.Model)
}

// place finds the targets of a chat's model, and charges it to the limits, once.
func (s *Chats) place(c *wire.Call, r *reading, find finding) (err error) {
	if r.by, err = s.served(c, r.request.Model, find); err != nil {
		return err
	}
	if err := r.request.CheckContext(r.by.context); err != nil {
		return err
	}
	return s.Gate.Charge(c, r.request.Model, gate.TokensOf(r.body, r.request.MaxTokens))
}

// Ask asks for the job of a chat whose client does not wait: it goes by the route
// that is in force when it runs.
func (s *Chats) Ask(c *wire.Call, body []byte) (gate.Asked, error) {
	r, err := s.readChat(c, body)
	if err != nil {
		return gate.Asked{}, err
	}
	if r.request.Cache == tasks.CacheOnly {
		return gate.Asked{}, wire.Invalid("dreamlab.cache", "Only a chat whose client waits is answered from the cache: "+
			"POST /v1/chat/completions, or leave \"only\" out.")
	}
	if err := s.place(c, r, s.aliases.read); err != nil {
		return gate.Asked{}, err
	}
	return askedChat(c, body, r.input()), nil
}

func askedChat(c *wire.Call, body []byte, input tasks.ChatInput) gate.Asked {
	job := job.NewJob{
		Kind: string(tasks.ChatRun), Input: plainjson.Of(input), Conversation: input.Conversation, Private: !input.Keep,
		Alias: input.Alias,
	}
	return gate.Asked{Job: job, Hash: gate.HashOf(c, body)}
}

// served are the targets of a model's name: an alias' route, or with none of it a
// model. Its context is how many tokens it takes; 0 where that is not known.
type served struct {
	learn.Route
	context int
}

// served finds the targets of a name.
func (s *Chats) served(c *wire.Call, name string, find finding) (served, error) {
	if tokens, ok := s.Models.Context(name); ok {
		return served{context: tokens}, nil
	}
	r, err := find(c.Context(), aliasOf{c.Tenant, name})
	if err == nil {
		tokens, err := s.largestContext(c, r)
		return served{r, tokens}, err
	}
	if !errors.Is(err, db.ErrNotFound) {
		return served{}, err
	}
	m, err := s.Store.Model(c.Context(), c.Tenant, name)
	if err != nil {
		return served{}, gate.OrNoModel(err, name)
	}
	return served{context: s.tunedContext(m)}, nil
}

// largestContext returns how many tokens some target of a route takes: a smaller
// one fails over. It is 0 where one is not known.
func (s *Chats) largestContext(c *wire.Call, r learn.Route) (int, error) {
	largest := 0
	for _, target := range r.Targets {
		tokens, found := s.Models.Context(target.Model)
		if !found {
			m, err := s.tuned.find(c.Context(), aliasOf{c.Tenant, target.Model})
			if errors.Is(err, db.ErrNotFound) {
				continue // it was withdrawn: the others answer
			}
			if err != nil {
				return 0, err
			}
			tokens = s.tunedContext(m)
		}
		if tokens == 0 {
			return 0, nil
		}
		largest = max(largest, tokens)
	}
	return largest, nil
}

// tunedContext is how many tokens a tuned model takes: as many as its base.
func (s *Chats) tunedContext(m learn.Model) int {
	if tokens, _ := s.Models.Context(m.Provider + "/" + m.Priced); tokens > 0 {
		return tokens
	}
	tokens, _ := s.Models.Context(m.Base)
	return tokens
}

// Create lets a chat travel through the queue while its client waits on
// the reply stream.
func (s *Chats) Create(w http.ResponseWriter, c *wire.Call) error {
	began := time.Now()
	body, err := wire.JSONBody(c)
	if err != nil {
		return err
	}
	r, err := s.readChat(c, body)
	if err != nil {
		return err
	}
	slot, err := s.lookUp(c, r)
	if err != nil {
		return err
	}
	defer slot.Leave(c.Context())
	if slot.Body != nil {
		return s.answerCached(w, c, r, slot)
	}
	if r.request.Stream {
		closed, err := s.Gate.OpenStream(c, r.request.Model)
		if err != nil {
			return err
		}
		defer closed()
	}
	t, existed, err := s.start(c, r)
	if err != nil {
		return err
	}
	c.BodyDone()
	t.slot, t.began = slot, began
	w.Header().Set("X-Dreamlab-Job", t.job.ID)
	if existed {
		if t.input, err = inputOf(t.job); err != nil {
			return err
		}
		if t.job.State.Ended() {
			return s.answerAgain(w, wire.NewSSE(w, s.Sandbox), t.job, t.input)
		}
	}
	if t.input.Stream {
		return t.stream(w, place{})
	}
	return t.whole(w)
}

// start makes the job of a chat whose client waits, or finds the one that its key made before.
func (s *Chats) start(c *wire.Call, r *reading) (t *turn, existed bool, err error) {
	t, existed, err = s.begin(c, r, true)
	if staleRoute(err) {
		t, existed, err = s.begin(c, r, false)
	}
	return t, existed, err
}

// staleRoute tells whether the route in memory is not the one in force, or may not
// be: another may lead to a model that takes more.
func staleRoute(err error) bool {
	var refused *tasks.InputError
	return errors.Is(err, job.ErrRouteChanged) ||
		errors.As(err, &refused) && refused.Code == "context_length_exceeded"
}

// begin is start by one way of finding the route. From memory it goes by the route as another chat found it,
// and is made only if that is in force.
func (s *Chats) begin(c *wire.Call, r *reading, memory bool) (t *turn, existed bool, err error) {
	find := s.aliases.read
	if memory {
		find = s.aliases.recall
	}
	if err := s.place(c, r, find); err != nil {
		return nil, false, err
	}
	input := r.input()
	input.Targets = r.by.Targets
	a := askedChat(c, r.body, input)
	a.Job.Attached, a.Job.ExpiresIn, a.Job.Priority = true, startWithin, interactive
	if memory {
		a.Job.Route = r.by.Mark()
	}
	job, existed, err := s.Gate.Accept(c, a)
	if !existed {
		job.Input = nil // the prompt is not held while its answer is waited for
	}
	input.Request = nil
	return &turn{chats: s, call: c, job: job, input: input}, existed, err
}

// ShownInput returns a chat's input as its body was: it holds that beside what we
// worked out of it.
func ShownInput(job job.Job) json.RawMessage {
	if job.Kind != string(tasks.ChatRun) {
		return wire.RawOr(job.Input, "{}")
	}
	input, err := inputOf(job)
	if err != nil {
		return wire.RawOr(job.Input, "{}")
	}
	return wire.RawOr(input.Request, "{}")
}

func inputOf(job job.Job) (tasks.ChatInput, error) {
	var input tasks.ChatInput
	err := json.Unmarshal(job.Input, &input)
	return input, err
}

// Cancelled tells the client of a chat that was cancelled while no worker had it;
// else its worker does.
func (s *Chats) Cancelled(ctx context.Context, j job.Job) {
	if !j.Attached || j.State != job.StateCancelled {
		return
	}
	if err := s.Replies.Cancelled(ctx, j.ID, j.Epoch); err != nil {
		s.Log.Warn().Err(err).Str("job", j.ID).Msg("could not end a cancelled chat's reply; its client polls the job")
	}
}
