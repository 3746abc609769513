package tune

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dreamlab/handlers"
	"dreamlab/handlers/tune/exam"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// rehoster does the stage that begins a tune which starts from a tuned model: it prices the places that can serve what
// was archived, or what the trainer serves itself, and begins with the deployment.
type rehoster struct {
	pricer    *pricer
	examiner  *examiner
	trainings trainings
	bucket    blob.Bucket
}

func newRehoster(d Deps) *rehoster {
	return &rehoster{pricer: newPricer(d), examiner: newExaminer(d), trainings: newTrainings(d), bucket: d.Bucket}
}

// price takes the cheapest place and asks whether all of it is within the budget.
func (r *rehoster) price(ctx context.Context, c *tuneRun) (*tasks.End, error) {
	w, refused, err := r.find(ctx, c)
	if err != nil {
		return nil, err
	}
	if refused != "" {
		return c.decided(false, "%s", refused)
	}
	best, err := r.choose(ctx, c, w)
	if err != nil {
		return nil, err
	}
	if best.Forbidden != "" {
		return c.decided(false, "%s", best.Forbidden)
	}
	if err := r.examiner.draw(ctx, c); err != nil {
		return nil, err
	}
	if why := c.tune.Exam.Undecidable; why != "" {
		return c.decided(false, "refused: exam: it would decide nothing: %s", why)
	}
	incumbent, err := c.incumbent(ctx)
	if err != nil {
		return nil, err
	}
	evaluation, err := r.pricer.evaluationBound(ctx, c, incumbent)
	if err != nil {
		return nil, err
	}
	c.state.Bill = &Bill{Evaluation: evaluation, Hosting: int64(best.Hosting)}
	return r.moneyGate(ctx, c, w)
}

// moneyGate lets it begin where its budget covers the exam and a month of hosting, unless it only asked for the price.
func (r *rehoster) moneyGate(ctx context.Context, c *tuneRun, w weights) (*tasks.End, error) {
	limit, capped, err := r.pricer.limit(ctx, c)
	if err != nil {
		return nil, err
	}
	bill := *c.state.Bill
	if why := bill.refusal(limit, capped); why != "" {
		return c.decided(false, "%s", why)
	}
	if c.input.DryRun {
		return c.decided(false, "dry run: the weights of %s at %s; %s%s; evaluation at most $%s, hosting $%s a month",
			c.input.Model, c.base.Provider, exam.Describe(*c.tune.Exam), describeCheaper(c.tune.Exam.Cheaper), money.USD(bill.Evaluation),
			money.USD(bill.Hosting))
	}
	if capped {
		c.state.Cap = limit
	}
	return r.begin(c, w), nil
}

// choose makes the plan and takes the cheapest place, or the one that was asked for. What it returns may be forbidden.
func (r *rehoster) choose(ctx context.Context, c *tuneRun, w weights) (Offer, error) {
	if err := Servable(r.pricer.vendors, c.input.Host); c.input.Host != "" && err != nil {
		return Offer{Forbidden: "refused: hosting: " + handlers.Failure(err).Message}, nil
	}
	month, err := r.pricer.traffic(ctx, c)
	if err != nil {
		return Offer{}, err
	}
	var offers []Offer
	for _, place := range hostsOf(r.pricer.vendors) {
		o, err := r.offer(ctx, w, place, month)
		switch failure := (*tasks.Failure)(nil); {
		case errors.As(err, &failure) && place != c.input.Host:
			o.Forbidden = "refused: hosting: " + place + " can not be asked now"
		case err != nil:
			return Offer{}, err
		}
		offers = append(offers, o)
	}
	sortOffers(offers)
	c.state.Plan = offers
	at := slices.IndexFunc(offers, func(o Offer) bool { return c.input.Host == "" || o.Place == c.input.Host })
	if at < 0 {
		return Offer{Forbidden: "refused: hosting: no vendor that serves tuned models is configured"}, nil
	}
	best := &offers[at]
	if best.Forbidden != "" {
		return Offer{Forbidden: whyNot(offers, c.input.Host)}, nil
	}
	best.Chosen, c.tune.Base = true, best.Base
	c.base, err = parseTarget(best.Base)
	return *best, err
}

// whyNot says why the place that was asked for does not serve the weights or, where none was, each place that could be
// given them.
func whyNot(offers []Offer, asked string) string {
	const prefix = "refused: hosting: "
	var near []string
	for _, o := range offers {
		if o.Place == asked {
			return o.Forbidden
		}
		if strings.HasPrefix(o.Base, o.Place+"/") {
			near = append(near, strings.TrimPrefix(o.Forbidden, prefix))
		}
	}
	if len(near) == 0 {
		return offers[0].Forbidden
	}
	return prefix + strings.Join(near, "; ")
}

// offer prices one place, or says what forbids it.
func (r *rehoster) offer(ctx context.Context, w weights, place string, month traffic) (Offer, error) {
	o := Offer{
		Trainer: w.training.Provider, Place: place, Base: w.training.Provider + "/" + w.name, Latency: latencyWarm,
		Rank: w.spec.Hyper.Rank,
	}
	host, err := r.pricer.vendors.Host(place)
	if err != nil {
		return o, handlers.Failure(err)
	}
	if o.Forbidden = r.kept(w.training.Provider, place); o.Forbidden != "" {
		return o, nil
	}
	base, served, err := r.baseAt(ctx, w, place, host)
	if err != nil {
		return o, handlers.Failure(err)
	}
	if base == "" {
		o.Forbidden = fmt.Sprintf("refused: hosting: %s has no base of the weights %s that takes them", place, w.name)
		return o, nil
	}
	o.Base = place + "/" + base
	o.Forbidden = r.pricer.host(&o, providers.Target{Provider: place, Model: base}, served, month)
	switch {
	case served.MaxRank > 0 && o.Rank > served.MaxRank:
		o.Forbidden = fmt.Sprintf("refused: hosting: adapters have at most rank %d at %s, and this one has %d", served.MaxRank, place,
			o.Rank)
	case place != w.training.Provider && w.gone != "":
		o.Forbidden = w.gone
	default:
		o.Forbidden = cmp.Or(o.Forbidden, full(providers.TuneLimits{}, served))
	}
	w.note(&o)
	return o, nil
}

// note says where the weights are at a place already.
func (w weights) note(o *Offer) {
	for _, m := range w.forms {
		switch {
		case m.Provider != o.Place || m.State == learn.ModelTrained:
		case w.routed[m.Name]:
			o.Forbidden = fmt.Sprintf("refused: hosting: %s is there already, and a route names it: change its weight by PUT /v1/routes",
				m.Name)
		case m.Hosted():
			o.Note = joined("it runs there already as "+m.Name, o.Note)
		default:
			o.Note = joined("it is started there again as "+m.Name, o.Note)
		}
	}
}

// kept says why a place can not be given what a trainer made.
func (r *rehoster) kept(by, place string) string {
	vendors := r.pricer.vendors
	host, err := vendors.Host(place)
	trainer, fault := vendors.Trainer(by)
	if by == place || err == nil && fault == nil && takes(host, trainer) {
		return ""
	}
	var takers []string
	for _, name := range hostsOf(vendors) {
		if h, err := vendors.Host(name); err == nil && fault == nil && takes(h, trainer) {
			takers = append(takers, name)
		}
	}
	if len(takers) == 0 {
		return fmt.Sprintf("refused: hosting: %s does not give out the weights that it trains: %s alone serves them", by, by)
	}
	return fmt.Sprintf("refused: hosting: %s does not take what %s trains: that is served at %s", place, by,
		strings.Join(takers, ", "))
}

// maxBases bounds the models of a place of which it is asked whether they have the weights.
const maxBases = 100

// baseAt finds a place's base of the weights, "" where it has none.
func (r *rehoster) baseAt(ctx context.Context, w weights, place string, host providers.Host) (string, providers.Hosting, error) {
	names := []string{w.training.Base, w.name}
	for _, m := range w.forms {
		if m.Provider == place {
			names = append(names, strings.TrimPrefix(m.Base, place+"/"))
		}
	}
	if r.pricer.weights != nil {
		own := providers.Target{Provider: cmp.Or(w.spec.Place, w.training.Provider), Model: w.training.Base}
		for _, same := range r.pricer.weights(own) {
			if same.Provider == place {
				names = append(names, same.Model)
			}
		}
	}
	if r.pricer.bases != nil {
		names = append(names, r.pricer.bases(ctx, place)...)
	}
	asked := map[string]bool{}
	for _, name := range names[:min(len(names), maxBases)] {
		if asked[name] {
			continue
		}
		asked[name] = true
		served, err := host.Hosting(ctx, name)
		if err == nil && cmp.Or(served.Weights, name) == w.name {
			return name, served, nil
		}
		if err != nil && providers.KindOf(err) != providers.KindModelGone {
			return "", served, err
		}
	}
	return "", providers.Hosting{}, nil
}

// begin makes the row that serves the weights, and the job that has them deployed. Its name at the place is the
// training's, so that the same weights have one deployment there.
func (r *rehoster) begin(c *tuneRun, w weights) *tasks.End {
	spec := tasks.TrainingSpec{
		Method: w.spec.Method, Hyper: w.spec.Hyper, SHA256: w.spec.SHA256, Object: w.spec.Object, Bytes: w.spec.Bytes,
		Dataset: w.spec.Dataset, Place: c.base.Provider, Phase: phaseDeploy, Vendor: w.spec.Vendor,
	}
	if w.name != c.base.Model {
		spec.Weights = w.name
	}
	start := child(&c.run.Job, tasks.TuneStart, nil)
	start.ID, start.Subject = db.NewID("job_"), db.NewID("ftjob-")
	start.Input = plainjson.Of(tasks.TrainInput{Training: start.Subject, Tune: c.tune.ID})
	row := learn.Training{
		ID: start.Subject, Tenant: c.tune.Tenant, Tune: c.tune.ID, Job: start.ID, WeightsOf: w.training.ID,
		Provider: w.training.Provider, Base: c.base.Model, Suffix: w.training.Suffix, Status: statusQueued, Spec: plainjson.Of(spec),
	}
	c.tune.Training, c.tune.Stage = row.ID, stageDeploy
	return &tasks.End{
		State: job.StateWaiting, Children: []job.NewJob{start},
		Write: func(ctx context.Context, q *store.Queries) error {
			if c.tune.Dataset != "" {
				if err := learn.HoldDataset(ctx, &q.TuneQueries, c.tune.Tenant, c.tune.Dataset); err != nil {
					return fmt.Errorf("hold dataset: %w", err)
				}
			}
			if err := q.AddTraining(ctx, row); err != nil {
				return fmt.Errorf("keep what serves %s: %w", w.training.ID, err)
			}
			return c.write(ctx, q)
		},
	}
}
