// Package emulator is AWS SageMaker: training jobs of JumpStart's hub, models, endpoints and
// what these answer, with as much of S3 as they need, behind signatures that are computed again
// here. Its control plane speaks AWS's JSON 1.1. Its answers come from the sandbox's model and
// cost nothing beside the machines, which are billed by time; jobs without machines are billed by
// trained tokens.
//
// Processing, pipelines and asynchronous endpoints are not emulated.
package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"dreamlab/providers/sandbox/amazon"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/work"
)

const name = "sagemaker"

// Whose requests are taken.
const (
	region  = amazon.Region
	account = amazon.Account
)

// emulator is one account in one region.
type emulator struct {
	lab     *lab.Lab
	vendor  lab.Vendor
	dialect *lab.Dialect
	hub     map[string]entry
	// standing are the endpoints that are there from the beginning.
	standing []stand
	objects  *amazon.Objects
	account  *work.Account

	mu   sync.Mutex
	kept map[string]json.RawMessage // models, configurations and components of endpoints, by their ARNs
}

// keptName is the name under which models and configurations are kept.
const keptName = name + "-models.json"

// New serves SageMaker's own paths, those of the runtime and of the control plane.
func New(l *lab.Lab) http.Handler {
	e := &emulator{
		lab: l, hub: catalogue(l), standing: standing(l),
		kept: map[string]json.RawMessage{},
	}
	e.vendor = lab.Vendor{Name: name, Fail: fail, Admit: e.admit, Model: endpointIn}
	e.dialect = &lab.Dialect{
		Vendor: e.vendor, Whole: lab.WholeOpenAI, Chunk: lab.ChunkOpenAI, Broken: broken, Tail: tail, Framing: framing(),
	}
	if err := e.open(); err != nil {
		return l.Serve(e.vendor, e.vendor.Unusable(err))
	}
	both := http.NewServeMux()
	both.Handle(amazon.ObjectsPath, e.objects.Serve(byTokens{e}.settle))
	both.Handle("/", limits{e}.quotas().Serve(billing(e, targeted(l.Serve(e.vendor, identified(e.routes()))))))
	return lab.Emulator{Lab: l, Handler: both}
}

// open opens what an earlier run has left.
func (e *emulator) open() (err error) {
	e.account, err = work.Open(e.lab, work.Options{
		Vendor: name, Hour: hourly, Brain: func(base string) *model.Model { return e.hub[base].brain },
	})
	if err != nil {
		return err
	}
	if e.objects, err = amazon.OpenObjects(e.lab, name); err != nil {
		return err
	}
	if err = (byTokens{e}).putRecipes(); err != nil {
		return err
	}
	_, err = e.lab.Shelf.Load(keptName, &e.kept)
	return err
}

// targetPrefix begins the names of operations in their header.
const targetPrefix = "SageMaker."

// targeted gives the operations of the control plane, which are all posted to one path, paths
// of their own: the script and the log of requests go by these.
func targeted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		operation, found := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
		if found && r.URL.Path == "/" {
			named := *r
			named.URL = &url.URL{Path: "/" + operation, RawQuery: r.URL.RawQuery}
			r = &named
		}
		next.ServeHTTP(w, r)
	})
}

func (e *emulator) admit(r *http.Request) *lab.Failure { return amazon.Admit(e.lab, r, name) }

func (e *emulator) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /endpoints/{endpoint}/invocations", e.vendor.Handle(e.invoke))
	mux.HandleFunc("POST /endpoints/{endpoint}/invocations-response-stream", e.vendor.Handle(e.invokeStream))
	for operation, route := range map[string]lab.Route{
		"DescribeHubContent": e.hubContent,
		"CreateTrainingJob":  e.createJob, "DescribeTrainingJob": e.describeJob, "ListTrainingJobs": e.listJobs,
		"StopTrainingJob": e.stopJob, "DescribeModelPackage": byTokens{e}.describePackage,
		"CreateModel": e.createModel, "DescribeModel": e.describeModel, "DeleteModel": e.deleteModel,
		"CreateEndpointConfig": e.createConfig, "DescribeEndpointConfig": e.describeConfig, "DeleteEndpointConfig": e.deleteConfig,
		"CreateEndpoint": e.createEndpoint, "DescribeEndpoint": e.describeEndpoint, "ListEndpoints": e.listEndpoints,
		"DeleteEndpoint":           e.deleteEndpoint,
		"CreateInferenceComponent": rack{e}.createComponent, "DescribeInferenceComponent": rack{e}.describeComponent,
		"ListInferenceComponents": rack{e}.listComponents, "DeleteInferenceComponent": rack{e}.deleteComponent,
		"UpdateInferenceComponentRuntimeConfig": rack{e}.scaleComponent,
	} {
		mux.HandleFunc("POST /"+operation, e.operation(route))
	}
	mux.HandleFunc("/", e.vendor.Handle(unknown))
	return mux
}

// operation makes a handler of an operation of the control plane, whose bodies are AWS's JSON 1.1.
func (e *emulator) operation(route lab.Route) http.HandlerFunc {
	answer := e.vendor.Answer(route)
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != bodyKind {
			fail(w, lab.Failure{Status: http.StatusNotFound, Type: "UnknownOperationException"})
			return
		}
		answer(&typed{ResponseWriter: w}, r)
	}
}

// read reads what an operation is asked with.
func read(r *http.Request, ask any) *lab.Failure {
	if err := lab.ReadJSON(r, ask); err != nil {
		return &lab.Failure{Status: http.StatusBadRequest, Type: "SerializationException", Message: err.Error()}
	}
	return nil
}

// bodyKind is the media type of the control plane.
const bodyKind = "application/x-amz-json-1.1"

// typed writes answers of the control plane's media type.
type typed struct{ http.ResponseWriter }

// WriteHeader sets the media type.
func (t *typed) WriteHeader(status int) {
	t.Header().Set("Content-Type", bodyKind)
	t.ResponseWriter.WriteHeader(status)
}

// requestID is the header that names a request.
const requestID = "x-amzn-RequestId"

// identified names the request as AWS does.
func identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(requestID, lab.NewID(""))
		next.ServeHTTP(w, r)
	})
}

func unknown(_ http.ResponseWriter, r *http.Request) *lab.Failure {
	return &lab.Failure{
		Status: http.StatusNotFound, Type: "UnknownOperationException",
		Message: fmt.Sprintf("There is no operation %s %s", r.Method, r.URL.Path),
	}
}

// endpointIn finds the endpoint in the path.
func endpointIn(r *http.Request) string {
	rest, found := strings.CutPrefix(r.URL.Path, "/endpoints/")
	if !found {
		return ""
	}
	at := strings.LastIndexByte(rest, '/')
	return rest[:max(at, 0)]
}
