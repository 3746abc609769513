package emulator

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"dreamlab/providers/sandbox/amazon"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/work"
)

// rack is the account's inference components.
type rack struct{ *emulator }

// component is an inference component of an endpoint: a base with a share of the machine, or an adapter that is
// loaded into one
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateInferenceComponent.html).
type component struct {
	Name          string        `json:"InferenceComponentName"`
	Endpoint      string        `json:"EndpointName"`
	Variant       string        `json:"VariantName,omitempty"`
	Specification specification `json:"Specification"`
	Runtime       *copies       `json:"RuntimeConfig,omitempty"`

	Weights string    `json:"weights,omitempty"` // of a base
	Made    time.Time `json:"made"`
	Ready   time.Time `json:"ready"`
	Changed time.Time `json:"changed,omitzero"` // when its copies are those that were asked for
	Gone    time.Time `json:"gone,omitzero"`    // when its deletion is done
}

type specification struct {
	Base      string              `json:"BaseInferenceComponentName,omitempty"`
	Model     string              `json:"ModelName,omitempty"`
	Container *componentContainer `json:"Container,omitempty"`
	Needs     *needs              `json:"ComputeResourceRequirements,omitempty"`
}

type componentContainer struct {
	Artifact string `json:"ArtifactUrl"`
}

type needs struct {
	Memory  int     `json:"MinMemoryRequiredInMb"`
	CPUs    float64 `json:"NumberOfCpuCoresRequired,omitempty"`
	Devices float64 `json:"NumberOfAcceleratorDevicesRequired,omitempty"`
}

type copies struct {
	Count int `json:"CopyCount"`
}

const kindComponent = "inference-component"

// How long components take.
const (
	loadingBase    = 5 * time.Minute
	loadingAdapter = time.Minute
	unloading      = time.Minute
)

// maxDevices is how many accelerators the machines have.
const maxDevices = 4

// status is SageMaker's word for where a component is, "" for one that is gone.
func (c component) status(now time.Time) string {
	switch {
	case !c.Gone.IsZero() && !now.Before(c.Gone):
		return ""
	case !c.Gone.IsZero():
		return "Deleting"
	case now.Before(c.Ready):
		return "Creating"
	case now.Before(c.Changed):
		return "Updating"
	}
	return "InService"
}

// components are those of an endpoint that are not gone, "" being any.
func (e rack) components(endpoint string) []component {
	e.mu.Lock()
	var names []string
	for name := range e.kept {
		if strings.Contains(name, ":"+kindComponent+"/") {
			names = append(names, name[strings.LastIndexByte(name, '/')+1:])
		}
	}
	e.mu.Unlock()
	var list []component
	for _, name := range names {
		if c, refused := e.componentNamed(name); refused == nil && (endpoint == "" || c.Endpoint == endpoint) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(x, y component) int { return cmp.Or(y.Made.Compare(x.Made), cmp.Compare(x.Name, y.Name)) })
	return list
}

// changing tells whether a component of an endpoint is being made, changed or deleted.
func (e rack) changing(endpoint string) bool {
	return slices.ContainsFunc(e.components(endpoint), func(c component) bool { return c.status(e.lab.Now()) != "InService" })
}

// componentNamed finds a component that is not gone.
func (e rack) componentNamed(named string) (c component, refused *lab.Failure) {
	refused = e.find(kindComponent, named, &c)
	if refused == nil && c.status(e.lab.Now()) == "" {
		refused = refuse("Could not find inference component \"%s\".", arn(kindComponent, named))
	}
	return c, refused
}

// put keeps a component, in place of one that is gone.
func (e rack) put(c component) *lab.Failure {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.kept[arn(kindComponent, c.Name)] = encoded(c)
	return e.save()
}

// check refuses a component whose members exclude each other.
func (c component) check() *lab.Failure {
	s := c.Specification
	switch {
	case !goodName.MatchString(c.Name):
		return refuse(failed, c.Name, "inferenceComponentName")
	case s.Base != "" && (s.Needs != nil || s.Model != "" || c.Runtime != nil):
		return refuse("An adapter inference component can not have a ModelName, ComputeResourceRequirements or a RuntimeConfig")
	case s.Base != "" && (s.Container == nil || !strings.HasPrefix(s.Container.Artifact, "s3://")):
		return refuse("An adapter inference component needs the ArtifactUrl of a Container")
	case s.Base != "":
		return nil
	case s.Model == "" || s.Container != nil:
		return refuse("The sandbox makes base components of a ModelName alone")
	case c.Variant == "" || c.Runtime == nil || c.Runtime.Count < 0:
		return refuse(failed, c.Variant, "variantName")
	case s.Needs == nil || s.Needs.Memory < 128:
		return refuse(failed, "", "specification.computeResourceRequirements.minMemoryRequiredInMb")
	case s.Needs.Devices < 1 || s.Needs.Devices > maxDevices:
		return refuse("The endpoint has no room for the inference component: it has %d accelerators", maxDevices)
	}
	return nil
}

func (e rack) createComponent(r *http.Request) (any, *lab.Failure) {
	var c component
	refused := read(r, &c)
	if refused == nil {
		refused = c.check()
	}
	if refused == nil {
		refused = e.placeable(c)
	}
	if refused != nil {
		return nil, refused
	}
	c.Made = e.lab.Now()
	if c.Specification.Base != "" {
		c.Ready = c.Made.Add(loadingAdapter)
		return map[string]any{"InferenceComponentArn": arn(kindComponent, c.Name)}, e.put(c)
	}
	var of modelAsk
	if refused := e.find(kindModel, c.Specification.Model, &of); refused != nil {
		return nil, refused
	}
	c.Weights, c.Ready = of.Container.Data.S3.URI, c.Made.Add(loadingBase)
	return map[string]any{"InferenceComponentArn": arn(kindComponent, c.Name)}, e.put(c)
}

// placeable refuses a component that its endpoint can not take now.
func (e rack) placeable(c component) *lab.Failure {
	if e.stands(c.Endpoint) != nil || !e.there(c.Endpoint) {
		return refuse("Could not find endpoint \"%s\".", arn("endpoint", c.Endpoint))
	}
	if _, refused := e.componentNamed(c.Name); refused == nil {
		return refuse("Cannot create already existing inference component \"%s\".", arn(kindComponent, c.Name))
	}
	d, _, refused := e.account.Hosting.Serving(c.Endpoint, c.Endpoint, 0)
	switch {
	case refused != nil:
		return refuse("Cannot create an inference component while endpoint \"%s\" is Creating.", c.Endpoint)
	case e.changing(c.Endpoint):
		return refuse("Cannot create an inference component while endpoint \"%s\" is Updating.", c.Endpoint)
	case d.Training != "":
		return refuse("Endpoint \"%s\" hosts a model, no inference components.", c.Endpoint)
	case c.Specification.Base == "":
		return nil
	}
	return e.adaptable(c)
}

// adaptable refuses an adapter that its base can not load.
func (e rack) adaptable(c component) *lab.Failure {
	base, refused := e.componentNamed(c.Specification.Base)
	folder, placed := amazon.Split(c.Specification.Container.Artifact)
	switch {
	case refused != nil:
		return refused
	case base.Endpoint != c.Endpoint || base.Specification.Base != "":
		return refuse("Inference component \"%s\" is no base of the endpoint.", base.Name)
	case base.status(e.lab.Now()) != "InService":
		return refuse("Base inference component \"%s\" is %s.", base.Name, base.status(e.lab.Now()))
	}
	if refused := byTokens(e).settle(); refused != nil {
		return refused
	}
	if _, found := e.adapterAt(c.Specification.Container.Artifact); !found || !placed || len(e.objects.Below(folder)) == 0 {
		return refuse("Could not find model data at %s.", c.Specification.Container.Artifact)
	}
	return nil
}

func (e rack) componentAsked(r *http.Request) (component, *lab.Failure) {
	var ask struct {
		Name string `json:"InferenceComponentName"`
	}
	if refused := read(r, &ask); refused != nil {
		return component{}, refused
	}
	return e.componentNamed(ask.Name)
}

// summary is a component as the list has it.
func (c component) summary(now time.Time) map[string]any {
	return map[string]any{
		"InferenceComponentName": c.Name, "InferenceComponentArn": arn(kindComponent, c.Name), "EndpointName": c.Endpoint,
		"EndpointArn": arn("endpoint", c.Endpoint), "VariantName": cmp.Or(c.Variant, "AllTraffic"),
		"InferenceComponentStatus": c.status(now), "CreationTime": stamp(c.Made), "LastModifiedTime": stamp(now),
	}
}

func (e rack) describeComponent(r *http.Request) (any, *lab.Failure) {
	c, refused := e.componentAsked(r)
	if refused != nil {
		return nil, refused
	}
	now := e.lab.Now()
	object := c.summary(now)
	object["Specification"] = c.Specification
	if c.Runtime != nil {
		running := c.Runtime.Count
		if c.status(now) != "InService" {
			running = 0
		}
		object["RuntimeConfig"] = map[string]any{"DesiredCopyCount": c.Runtime.Count, "CurrentCopyCount": running}
	}
	return object, nil
}

func (e rack) listComponents(r *http.Request) (any, *lab.Failure) {
	var ask struct {
		page
		Endpoint string `json:"EndpointNameEquals"`
		Status   string `json:"StatusEquals"`
		Holds    string `json:"NameContains"`
	}
	if refused := read(r, &ask); refused != nil {
		return nil, refused
	}
	now := e.lab.Now()
	list := slices.DeleteFunc(e.components(ask.Endpoint), func(c component) bool {
		return !strings.Contains(c.Name, ask.Holds) || ask.Status != "" && c.status(now) != ask.Status
	})
	return ask.of("InferenceComponents", lab.Objects(list, func(c component) any { return c.summary(now) })), nil
}

func (e rack) deleteComponent(r *http.Request) (any, *lab.Failure) {
	c, refused := e.componentAsked(r)
	if refused != nil {
		return nil, refused
	}
	switch status := c.status(e.lab.Now()); {
	case status != "InService":
		return nil, refuse("Cannot delete inference component \"%s\" while it is %s.", arn(kindComponent, c.Name), status)
	case slices.ContainsFunc(e.components(c.Endpoint), func(o component) bool { return o.Specification.Base == c.Name }):
		return nil, refuse("Cannot delete inference component \"%s\": adapters are loaded into it.", arn(kindComponent, c.Name))
	}
	c.Gone = e.lab.Now().Add(unloading)
	return map[string]any{}, e.put(c)
}

// scaleComponent changes how many copies of a base there are
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateInferenceComponentRuntimeConfig.html).
func (e rack) scaleComponent(r *http.Request) (any, *lab.Failure) {
	var ask struct {
		Name    string `json:"InferenceComponentName"`
		Desired copies `json:"DesiredRuntimeConfig"`
	}
	if refused := read(r, &ask); refused != nil {
		return nil, refused
	}
	c, refused := e.componentNamed(ask.Name)
	switch {
	case refused != nil:
		return nil, refused
	case c.Runtime == nil:
		return nil, refuse("An adapter inference component has the copies of its base")
	case c.status(e.lab.Now()) != "InService":
		return nil, refuse("Cannot update inference component \"%s\" while it is %s.", c.Name, c.status(e.lab.Now()))
	case ask.Desired.Count < 0 || float64(ask.Desired.Count)*c.Specification.Needs.Devices > maxDevices:
		return nil, refuse("The endpoint has no room for %d copies", ask.Desired.Count)
	}
	c.Runtime, c.Changed = &ask.Desired, e.lab.Now().Add(loadingBase)
	return map[string]any{"InferenceComponentArn": arn(kindComponent, c.Name)}, e.put(c)
}

// componentHeader names the component that is asked.
const componentHeader = "X-Amzn-SageMaker-Inference-Component"

// componentBrain returns what answers at a component.
func (e rack) componentBrain(endpoint, named string) (*model.Model, *lab.Failure) {
	wrong := func(message string) *lab.Failure {
		return &lab.Failure{Status: http.StatusBadRequest, Type: "ValidationError", Message: message}
	}
	if named == "" {
		return nil, wrong("Inference Component Name header is required for endpoints to which you plan to deploy inference components. " +
			"Please include Inference Component Name header or consider using SageMaker models.")
	}
	c, refused := e.componentNamed(named)
	base := c
	if refused == nil && c.Specification.Base != "" {
		base, refused = e.componentNamed(c.Specification.Base)
	}
	now := e.lab.Now()
	switch {
	case refused != nil || c.Endpoint != endpoint:
		return nil, wrong("Inference Component " + named + " of account " + account + " not found.")
	case c.status(now) != "InService" || base.status(now) != "InService" || base.Runtime.Count == 0:
		return nil, wrong("Inference Component " + named + " of account " + account + " is not in service.")
	case c.Specification.Base != "":
		t, _ := e.adapterAt(c.Specification.Container.Artifact)
		return e.account.Trainings.Learnt(t.ID)
	}
	id, _ := e.hosted(base.Weights)
	return e.hub[id].brain, nil
}

// hosted finds the model of the hub whose weights stand at an address.
func (e rack) hosted(uri string) (id string, found bool) {
	id, found = strings.CutPrefix(uri, hubBucket+"inference/")
	id = strings.TrimSuffix(id, "/")
	_, known := e.hub[id]
	return id, found && known
}

// adapterAt finds the job that left an adapter at an address.
func (e rack) adapterAt(uri string) (work.Training, bool) {
	return e.trained(strings.TrimSuffix(uri, "/checkpoints/hf/"))
}
