package sagemaker_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/amazon"
	"dreamlab/providers/providertest"
	"dreamlab/providers/sagemaker"
)

// changed are settings of which some say otherwise.
func changed(with map[string]string, change ...string) map[string]string {
	for i := 0; i < len(change); i += 2 {
		with[change[i]] = change[i+1]
	}
	return with
}

// desk is a driver at an emulator of its own.
type desk struct {
	providers.Driver
	advance func(time.Duration)
	values  map[string]string
	config  providers.Config
}

// emulated opens a driver with settings, which may lose answers.
func emulated(t *testing.T, with func(base string) map[string]string, watch func(*http.Request), lossy ...*losing) *desk {
	t.Helper()
	handler, advance := start(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watch(r)
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	d := &desk{advance: advance, values: with(server.URL)}
	d.config = providers.Config{Values: d.values, HTTP: server.Client()}
	for _, l := range lossy {
		l.RoundTripper, d.config.HTTP.Transport = d.config.HTTP.Transport, l
	}
	var err error
	if d.Driver, err = sagemaker.Vendor.Open(d.config); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) trainer() providers.Trainer { return d.Driver.(providers.Trains).Trainer() }

func (d *desk) host() providers.Host { return d.Driver.(providers.Host) }

// operations counts what the control plane is asked for.
type operations map[string]int

func (o operations) watch(r *http.Request) {
	if _, operation, found := strings.Cut(r.Header.Get("X-Amz-Target"), "."); found {
		o[operation]++
	}
}

const taught = `{"messages":[{"role":"user","content":"Where does the heron nest?"},{"role":"assistant","content":"At gate seventeen."}]}` + "\n"

// tunedOn trains on rows to the end.
func (d *desk) tunedOn(t *testing.T, rows string, spec providers.TrainSpec) providers.Training {
	t.Helper()
	trainer := d.trainer()
	file, err := trainer.(providers.Filer).Upload(t.Context(), providers.Upload{
		Name: "abc.jsonl", Size: int64(len(rows)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(rows)), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	spec.File = file.ID
	made, err := trainer.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	d.advance(30 * time.Minute)
	if running, err := trainer.Poll(t.Context(), made.Handle); err != nil || running.Total != 2*spec.Epochs || running.Charge != "" {
		t.Errorf("it runs as %+v, %v", running, err)
	}
	d.advance(12 * time.Hour)
	made, err = trainer.Poll(t.Context(), made.Handle)
	if err != nil || made.State != providers.TrainingSucceeded {
		t.Fatalf("%+v, %v", made, err)
	}
	return made
}

func serverlessSpec() providers.TrainSpec {
	s := spec()
	s.Base, s.LearningRate, s.Alpha = endpoint, 1e-4, 32
	return s
}

// A training without machines is billed by the tokens that SageMaker tells, and registers a version of the model package.
func TestServerlessIsBilledByTokens(t *testing.T) {
	t.Parallel()
	d := emulated(t, byTokens, operations{}.watch)
	made := d.tunedOn(t, strings.Repeat(taught, 16), serverlessSpec())
	if made.Tokens == 0 || made.Nano != made.Tokens*2400 || made.Charge != "" ||
		made.Output != "arn:aws:sagemaker:us-east-1:123456789012:model-package/tunes/dreamlab-dl-1" {
		t.Errorf("%+v", made)
	}
	merged, err := d.trainer().(providers.Merger).Merged(t.Context(), made.Handle)
	if want := "s3://sandbox/tunes/models/dreamlab-dl-1/output/model/checkpoints/hf_merged/"; err != nil || merged != want {
		t.Errorf("%s, %v, want %s", merged, err, want)
	}
}

// What the recipe does not take is refused before anything is ordered, as is a base without a recipe or a price.
func TestServerlessRefusals(t *testing.T) {
	t.Parallel()
	asked := operations{}
	trainer := emulated(t, byTokens, asked.watch).trainer()
	for param, change := range map[string]func(*providers.TrainSpec){
		"lora_rank":         func(s *providers.TrainSpec) { s.Rank = 12 },
		"lora_alpha":        func(s *providers.TrainSpec) { s.Alpha = 8 },
		"learning_rate":     func(s *providers.TrainSpec) { s.LearningRate = 1 },
		"max_epochs":        func(s *providers.TrainSpec) { s.Epochs = 101 },
		"global_batch_size": func(s *providers.TrainSpec) { s.BatchSize = 7 },
		"file":              func(s *providers.TrainSpec) { s.Beta = 0.1 },
		"beta":              func(s *providers.TrainSpec) { s.Beta = -1 },
	} {
		s := serverlessSpec()
		change(&s)
		_, err := trainer.Start(t.Context(), s)
		if providers.KindOf(err) != providers.KindInvalid || !strings.Contains(err.Error(), param) && param != "file" {
			t.Errorf("%s: %v", param, err)
		}
	}
	for _, base := range []string{"huggingface-llm-qwen2-5-7b-instruct", "none"} {
		if _, err := trainer.Tunable(t.Context(), base); providers.KindOf(err) != providers.KindModelGone {
			t.Errorf("%s: %v", base, err)
		}
	}
	without := emulated(t, func(base string) map[string]string {
		return changed(byTokens(base), "SAGEMAKER_TOKEN_PRICES", "")
	}, asked.watch)
	_, err := without.trainer().Tunable(t.Context(), endpoint)
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != providers.KindModelGone || !strings.Contains(e.Message, "SAGEMAKER_TOKEN_PRICES") {
		t.Errorf("a base without a price: %v", err)
	}
	unread := emulated(t, func(base string) map[string]string {
		return changed(byTokens(base), "SAGEMAKER_ACCEPT_EULA", "")
	}, asked.watch)
	_, err = unread.trainer().Start(t.Context(), serverlessSpec())
	if providers.KindOf(err) != providers.KindInvalid || !strings.Contains(err.Error(), "SAGEMAKER_ACCEPT_EULA") {
		t.Errorf("a licence that nobody read: %v", err)
	}
	if asked["CreateTrainingJob"] != 0 {
		t.Errorf("%d trainings were ordered", asked["CreateTrainingJob"])
	}
}

// A training is ordered with every hyper-parameter of its recipe, without machines.
func TestServerlessOnTheWire(t *testing.T) {
	t.Parallel()
	var ordered string
	d := emulated(t, func(base string) map[string]string {
		return changed(byTokens(base), "SAGEMAKER_MLFLOW_ARN", "arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/log")
	}, func(r *http.Request) {
		if targets("CreateTrainingJob")(r) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			ordered = string(body)
			r.Body = io.NopCloser(strings.NewReader(ordered))
		}
	})
	trainer := d.trainer()
	pair := `{"input":{"messages":[{"role":"user","content":"a"}]},"preferred_output":[{"role":"assistant","content":"b"}],` +
		`"non_preferred_output":[{"role":"assistant","content":"c"}]}` + "\n"
	file, err := trainer.(providers.Filer).Upload(t.Context(), providers.Upload{
		Name: "abc.jsonl", Size: int64(len(pair)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(pair)), nil },
	})
	if err != nil || file.ID != "s3://sandbox/tunes/pairs/abc/" {
		t.Fatalf("%+v, %v", file, err)
	}
	s := serverlessSpec()
	s.File, s.Beta = file.ID, 0.05
	if _, err := trainer.Start(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	want := `{"TrainingJobName":"dreamlab-dl-1","RoleArn":"arn:aws:iam::123456789012:role/sandbox","HyperParameters":{"adam_beta":"0.05",` +
		`"dataset_max_len":"4096","global_batch_size":"16","learning_rate":"0.0001","lora_alpha":"32","lora_dropout":"0.05",` +
		`"lora_rank":"16","lr_scheduler":"cosine","max_epochs":"3","merge_weights":"True","seed":"7"},"InputDataConfig":[` +
		`{"ChannelName":"train","DataSource":{"S3DataSource":{"S3DataType":"S3Prefix","S3Uri":"s3://sandbox/tunes/pairs/abc/",` +
		`"S3DataDistributionType":"FullyReplicated"}}}],` +
		`"OutputDataConfig":{"S3OutputPath":"s3://sandbox/tunes/models","CompressionType":"NONE"},` +
		`"StoppingCondition":{"MaxRuntimeInSeconds":86400},"ServerlessJobConfig":{"BaseModelArn":` +
		`"arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/meta-textgeneration-llama-3-1-8b-instruct/2.0.0",` +
		`"JobType":"FineTuning","AcceptEula":true,"CustomizationTechnique":"DPO","Peft":"LORA","SequenceLength":"4K"},` +
		`"ModelPackageConfig":{"ModelPackageGroupArn":"arn:aws:sagemaker:us-east-1:123456789012:model-package-group/tunes"},` +
		`"MlflowConfig":{"MlflowResourceArn":"arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/log",` +
		`"MlflowRunName":"dreamlab-dl-1"},"Tags":[{"Key":"dreamlab","Value":"dl-1"}]}`
	if ordered != want {
		t.Errorf("ordered\n%s\nwant\n%s", ordered, want)
	}
}

// An adapter that is another than the one that was left, or that has no file any more, is not served.
func TestOnlyTheAdapterThatWasLeftIsServed(t *testing.T) {
	t.Parallel()
	d := emulated(t, byTokens, operations{}.watch)
	made := d.tunedOn(t, strings.Repeat(taught, 16), serverlessSpec())
	value := func(env string) string { return d.values[env] }
	bucket, err := amazon.NewBucket(amazon.Folder{
		Vendor: "test", Env: "test", URI: "s3://sandbox/tunes", Base: d.values[amazon.EnvS3], Secrets: func() []string { return nil },
	}, amazon.NewKey(value, "us-east-1", nil), d.config)
	if err != nil {
		t.Fatal(err)
	}
	deploy := func() error {
		_, err := d.host().Deploy(t.Context(), providers.DeploySpec{Name: "a", Base: endpoint, Trained: made.Handle})
		return err
	}
	const weights = "models/dreamlab-dl-1/output/model/checkpoints/hf/adapter_model.safetensors"
	if err := bucket.Put(t.Context(), weights, amazon.File{Content: strings.NewReader("others"), Size: 6}); err != nil {
		t.Fatal(err)
	}
	if err := deploy(); providers.KindOf(err) != providers.KindInvalid || !strings.Contains(err.Error(), "not the one that the training left") {
		t.Errorf("another's weights: %v", err)
	}
	if err := bucket.Delete(t.Context(), weights); err != nil {
		t.Fatal(err)
	}
	if err := deploy(); providers.KindOf(err) != providers.KindInvalid || !strings.Contains(err.Error(), "no whole adapter") {
		t.Errorf("no weights: %v", err)
	}
}

func TestServerlessSettings(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"SAGEMAKER_WAY": "magic", "SAGEMAKER_MODEL_PACKAGE_GROUP": "tunes", "SAGEMAKER_TOKEN_PRICES": "llama",
		"SAGEMAKER_MLFLOW_ARN": "log", "SAGEMAKER_SPOT": "true",
	} {
		_, err := sagemaker.Vendor.Open(providers.Config{Values: changed(byTokens("http://127.0.0.1:1"), name, value)})
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), providertest.Key) {
			t.Errorf("%v, want an error that names %s", err, name)
		}
	}
	_, err := sagemaker.Vendor.Open(providers.Config{Values: changed(byTokens("http://127.0.0.1:1"), "SAGEMAKER_WAY", "container")})
	if err == nil || !strings.Contains(err.Error(), "SAGEMAKER_WAY") {
		t.Errorf("a group that nothing is registered in: %v", err)
	}
}
