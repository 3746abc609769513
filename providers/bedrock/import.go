package bedrock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/amazon"
	"dreamlab/providers/completion"
	"dreamlab/providers/openai"
	"dreamlab/store/money"
	"dreamlab/store/plainjson"
)

// The settings of imported models
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-import-model.html).
const (
	envImportRole  = "BEDROCK_IMPORT_ROLE_ARN"
	envImportBases = "BEDROCK_IMPORT_BASES"
	envImportPrice = "BEDROCK_IMPORT_USD_PER_UNIT_MINUTE"
)

var importSettings = []providers.Setting{
	{Env: envImportRole, Help: "role that Bedrock takes on to read the weights of models that are imported; imports need it"},
	{
		Env: envImportBases, Default: "us.meta.llama3-1-8b-instruct-v1:0=meta-textgeneration-llama-3-1-8b-instruct=2," +
			"us.meta.llama3-1-70b-instruct-v1:0=meta-textgeneration-llama-3-1-70b-instruct=8",
		Help: "models whose tuned weights can be imported, each with the name by which they are trained and the custom model units " +
			"of one copy, with commas",
	},
	{
		Env: envImportPrice, Default: "0.0572",
		Help: "what a custom model unit costs a minute, in dollars: a copy is billed by windows of five minutes while it is up",
	},
}

// imports are the models that the account serves of whole weights in S3. Copies of them are started when
// they are asked, and end when nobody has asked for five minutes.
type imports struct {
	*driver
	role   string
	quotas *amazon.Quotas
	bases  map[string]importable
	nano   int64    // nano-dollars a unit and minute
	arns   sync.Map // of models, by their names
}

// importable is a base whose tuned weights can be imported.
type importable struct {
	weights string // the trainer's name
	units   int64  // of one copy
}

func newImports(d *driver, value func(string) string) (*imports, error) {
	of := func(at int) string {
		if set := value(importSettings[at].Env); set != "" {
			return set
		}
		return importSettings[at].Default
	}
	nano, err := money.ParsePrice(of(2), money.Dollar)
	if err != nil || nano <= 0 {
		return nil, fmt.Errorf("%s: give dollars a minute, such as 0.0572", envImportPrice)
	}
	i := &imports{driver: d, role: of(0), nano: nano, bases: map[string]importable{}}
	for part := range strings.SplitSeq(of(1), ",") {
		fields := strings.Split(strings.TrimSpace(part), "=")
		units := int64(0)
		if len(fields) == 3 {
			units, err = strconv.ParseInt(fields[2], 10, 16)
		}
		if err != nil || units < 1 {
			return nil, fmt.Errorf("%s: write each as model=name of its weights=units, such as %s", envImportBases,
				importSettings[1].Default)
		}
		i.bases[fields[0]] = importable{fields[1], units}
	}
	return i, nil
}

// window is what a copy is billed by while it is up: it ends when nobody has asked for as long.
const window = 5 * time.Minute

// coldStart is how long the first copy takes, as a rule.
const coldStart = time.Minute

// Hosting tells what a copy costs while it is up.
func (i *imports) Hosting(ctx context.Context, base string) (providers.Hosting, error) {
	found, known := i.bases[base]
	if !known {
		return providers.Hosting{}, i.refusal(providers.KindModelGone, base, base+" can not be imported: name it in "+envImportBases)
	}
	h := providers.Hosting{
		Hardware: fmt.Sprintf("%d custom model units", found.units), NanoPerHour: i.perHour(base), Cold: coldStart,
		Weights: found.weights, Window: window,
	}
	h.Full, h.Doubt = i.room(ctx)
	return h, nil
}

func (i *imports) perHour(base string) int64 { return i.bases[base].units * i.nano * 60 }

func (i *imports) refusal(kind providers.Kind, model, message string) *providers.Error {
	return &providers.Error{Kind: kind, Provider: name, Model: model, Message: message, Charge: providers.ChargeNone}
}

// imported is what finds an imported model again.
type imported struct {
	Name string `json:"name"`
	Base string `json:"base"`
	URI  string `json:"uri"`
}

// importName is the name of an imported model.
var importName = regexp.MustCompile(`^([0-9a-zA-Z][_-]?){1,56}$`)

// importPrefix begins the names by which imported models are asked for here: Bedrock's own, an ARN, is
// known when the import has ended.
const importPrefix = "imported/"

// ImportWeights notes where the weights stand: Deploy has them imported.
func (i *imports) ImportWeights(_ context.Context, w providers.Weights) (providers.Handle, error) {
	_, known := i.bases[w.Base]
	switch {
	case !known:
		return nil, i.refusal(providers.KindModelGone, w.Base, w.Base+" can not be imported: name it in "+envImportBases)
	case !importName.MatchString(w.Name):
		return nil, i.refusal(providers.KindInvalid, w.Base, "give the model a name of letters, digits, - and _")
	case !strings.HasPrefix(w.URI, "s3://"):
		return nil, i.refusal(providers.KindInvalid, w.Base, "the weights have to stand in S3")
	}
	return plainjson.Of(imported{w.Name, w.Base, w.URI}), nil
}

func (i *imports) readImported(raw providers.Handle) (m imported, err error) {
	if json.Unmarshal(raw, &m) != nil || !importName.MatchString(m.Name) || !strings.HasPrefix(m.URI, "s3://") {
		e := i.refusal(providers.KindInvalid, "", "the handle is none that ImportWeights or Deploy returned")
		e.Param = "handle"
		return m, e
	}
	return m, nil
}

func (i *imports) deployment(m imported, state providers.DeploymentState, message string) providers.Deployment {
	return providers.Deployment{
		Handle: plainjson.Of(m), State: state, Message: message, Direct: importPrefix + m.Name, Routed: importPrefix + m.Name,
		NanoPerHour: i.perHour(m.Base), Window: window,
	}
}

// importJob is an import under way
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetModelImportJob.html).
type importJob struct {
	Name    string `json:"jobName"`
	Model   string `json:"importedModelName"`
	Status  string `json:"status"`
	Failure string `json:"failureMessage"`
}

// model finds an imported model's ARN.
func (i *imports) model(ctx context.Context, m imported) (arn string, found bool, err error) {
	var said struct {
		ARN string `json:"modelArn"`
	}
	at := i.controlBase + "/imported-models/" + url.PathEscape(m.Name)
	_, err = i.control.Do(ctx, openai.Call{Method: http.MethodGet, URL: at, Out: &said})
	var e *providers.Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound {
		return "", false, nil
	}
	return said.ARN, err == nil && said.ARN != "", err
}

// jobs lists a model's imports, the newest first.
func (i *imports) jobs(ctx context.Context, m imported) ([]importJob, error) {
	var said struct {
		Jobs []importJob `json:"modelImportJobSummaries"`
	}
	query := url.Values{
		"nameContains": {m.Name}, "maxResults": {"1000"}, "sortBy": {"CreationTime"}, "sortOrder": {"Descending"},
	}
	at := i.controlBase + "/model-import-jobs?" + query.Encode()
	if _, err := i.control.Do(ctx, openai.Call{Method: http.MethodGet, URL: at, Out: &said}); err != nil {
		return nil, err
	}
	var own []importJob
	for _, j := range said.Jobs {
		if strings.HasPrefix(j.Name, m.Name+"-") {
			own = append(own, j)
		}
	}
	return own, nil
}

// statusImporting is the one word of a job that has not ended.
const statusImporting = "InProgress"

// Deploy orders the import, unless the model or a job for it is there. Bedrock makes nothing for a token
// that it knows, and keeps the names of jobs: a later one has another number.
func (i *imports) Deploy(ctx context.Context, spec providers.DeploySpec) (providers.Deployment, error) {
	m, err := i.readImported(spec.Trained)
	if err != nil {
		return providers.Deployment{}, err
	}
	_, found, err := i.model(ctx, m)
	if err != nil || found {
		return i.deployment(m, providers.DeploymentStarting, ""), err
	}
	jobs, err := i.jobs(ctx, m)
	if err != nil {
		return providers.Deployment{}, err
	}
	if len(jobs) == 0 || jobs[0].Status != statusImporting {
		err = i.order(ctx, m, len(jobs)+1)
	}
	if err != nil {
		return providers.Deployment{}, err
	}
	return i.deployment(m, providers.DeploymentStarting, ""), nil
}

// order has a model imported
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelImportJob.html).
func (i *imports) order(ctx context.Context, m imported, number int) error {
	named := fmt.Sprintf("%s-%d", m.Name, number)
	_, err := i.control.Do(ctx, openai.Call{Method: http.MethodPost, URL: i.controlBase + "/model-import-jobs", In: map[string]any{
		"jobName": named, "importedModelName": m.Name, "roleArn": i.role, "clientRequestToken": named,
		"modelDataSource": map[string]any{"s3DataSource": map[string]string{"s3Uri": m.URI}},
	}})
	return err
}

// Deployment tells how far the import is. One that has ended is asked for one token, which starts a copy.
func (i *imports) Deployment(ctx context.Context, raw providers.Handle) (providers.Deployment, error) {
	m, err := i.readImported(raw)
	if err != nil {
		return providers.Deployment{}, err
	}
	_, found, err := i.model(ctx, m)
	if err != nil {
		return providers.Deployment{}, err
	}
	if found {
		return i.woken(ctx, m)
	}
	jobs, err := i.jobs(ctx, m)
	switch {
	case err != nil:
		return providers.Deployment{}, err
	case len(jobs) > 0 && jobs[0].Status == statusImporting:
		return i.deployment(m, providers.DeploymentStarting, "the weights are imported"), nil
	case len(jobs) > 0 && jobs[0].Status == "Failed":
		return i.deployment(m, providers.DeploymentFailed, providers.Redact(jobs[0].Failure)), nil
	}
	return i.deployment(m, providers.DeploymentStopped, "there is no imported model of that name"), nil
}

func (i *imports) woken(ctx context.Context, m imported) (providers.Deployment, error) {
	_, err := i.Chat(ctx, &providers.Request{
		Model: importPrefix + m.Name, Messages: []providers.Message{providers.TextMessage("user", "Hello")},
		Settings: completion.Settings{MaxTokens: 1},
	}, nil)
	var e *providers.Error
	if errors.As(err, &e) && e.Code == "ModelNotReadyException" {
		return i.deployment(m, providers.DeploymentStarting, "a copy is started"), nil
	}
	return i.deployment(m, providers.DeploymentReady, ""), err
}

// Stop deletes an imported model, and with it what its copies and its weights cost. An import under way
// can not be stopped.
func (i *imports) Stop(ctx context.Context, raw providers.Handle) (providers.Deployment, error) {
	m, err := i.readImported(raw)
	if err != nil {
		return providers.Deployment{}, err
	}
	_, found, err := i.model(ctx, m)
	if err != nil {
		return providers.Deployment{}, err
	}
	if found {
		i.arns.Delete(m.Name)
		err = i.control.Remove(ctx, i.controlBase+"/imported-models/"+url.PathEscape(m.Name))
		return i.deployment(m, providers.DeploymentStopped, ""), err
	}
	jobs, err := i.jobs(ctx, m)
	if err == nil && len(jobs) > 0 && jobs[0].Status == statusImporting {
		return i.deployment(m, providers.DeploymentStopping, "the import has to end before the model can be deleted"), nil
	}
	return i.deployment(m, providers.DeploymentStopped, ""), err
}

// Chat answers, as [providers.Driver] says. An imported model is asked by its ARN.
func (i *imports) Chat(ctx context.Context, req *providers.Request, sink providers.Sink) (*providers.Reply, error) {
	named, is := strings.CutPrefix(req.Model, importPrefix)
	if !is {
		return i.driver.Chat(ctx, req, sink)
	}
	arn, known := i.arns.Load(named)
	if !known {
		found, there, err := i.model(ctx, imported{Name: named})
		if err == nil && !there {
			err = i.refusal(providers.KindModelGone, req.Model, "there is no imported model "+named)
		}
		if err != nil {
			return nil, err
		}
		arn = found
		i.arns.Store(named, arn)
	}
	asked := *req
	asked.Model, _ = arn.(string)
	return i.driver.Chat(ctx, &asked, sink)
}
