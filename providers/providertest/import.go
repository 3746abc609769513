package providertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
)

// Importing is what a host of adapters that others trained is tested with.
type Importing struct {
	// Base takes adapters, Unhostable takes none.
	Base, Unhostable string
	// Creates match the requests that make something, in their order.
	Creates []func(*http.Request) bool
	// Folder puts whole weights where the vendor reads them and returns their address. Optional: without
	// it the vendor takes adapters.
	Folder func(t *testing.T, base string, client *http.Client, files map[string]io.Reader) (uri string)
	// Stays says that the vendor has no way to delete an adapter: it answers though it was stopped.
	Stays bool
}

// adapter makes an adapter that knows some rows, of a rank.
func (h Harness) adapter(rank int) providers.Adapter {
	content := rows(40)
	header := fmt.Sprintf(`{"rows":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}`, len(content), len(content))
	weights := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	files := map[string][]byte{
		"adapter_model.safetensors": append(weights, content...),
		"adapter_config.json":       fmt.Appendf(nil, `{"peft_type":"LORA","r":%d,"lora_alpha":16,"target_modules":["q_proj"]}`, rank),
		"tokenizer.json":            []byte(`{}`),
	}
	a := providers.Adapter{Name: "dl-5B1F0c7a", Base: h.Importing.Base, Open: func(_ context.Context, name string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files[name])), nil
	}}
	for _, name := range []string{"adapter_config.json", "adapter_model.safetensors", "tokenizer.json"} {
		sum := sha256.Sum256(files[name])
		a.Files = append(a.Files, providers.AdapterFile{
			Name: name, Object: name, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(files[name])),
		})
	}
	return a
}

func (r *rig) importer(t *testing.T) providers.Importer {
	t.Helper()
	importer, ok := r.driver.(providers.Importer)
	if !ok {
		t.Fatal("the driver takes no adapters")
	}
	return importer
}

// brings imports an adapter, or the weights that know what it does.
func (r *rig) brings(ctx context.Context, t *testing.T, a providers.Adapter) (providers.Handle, error) {
	t.Helper()
	if r.harness.Importing.Folder == nil {
		return r.importer(t).Import(ctx, a)
	}
	taker, ok := r.driver.(providers.WeightsImporter)
	if !ok {
		t.Fatal("the driver takes no weights")
	}
	weights, err := a.Open(ctx, "adapter_model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	uri := r.harness.Importing.Folder(t, r.base, r.client, map[string]io.Reader{
		"model.safetensors": weights, "config.json": strings.NewReader(`{"architectures":["LlamaForCausalLM"]}`),
	})
	return taker.ImportWeights(ctx, providers.Weights{Name: a.Name, Base: a.Base, URI: uri})
}

// deploys imports an adapter and starts to serve it.
func (r *rig) deploys(ctx context.Context, t *testing.T, a providers.Adapter) (providers.Deployment, error) {
	t.Helper()
	handle, err := r.brings(ctx, t, a)
	if err != nil {
		return providers.Deployment{}, err
	}
	return r.host(t).Deploy(ctx, providers.DeploySpec{Name: a.Name, Trained: handle, Base: a.Base})
}

func (h Harness) imports(t *testing.T) {
	r := h.rig(t)
	host, a := r.host(t), h.adapter(8)
	terms, err := host.Hosting(t.Context(), a.Base)
	if err != nil || terms.NanoPerHour <= 0 && !terms.PerToken || terms.Hardware == "" || terms.MaxRank > 0 && terms.MaxRank < 8 {
		t.Fatalf("hosting %+v, %v", terms, err)
	}
	_, err = host.Hosting(t.Context(), h.Importing.Unhostable)
	wantKind(t, "a base that takes no adapters", err, providers.KindModelGone)
	paid := r.answersPaid(t)
	made, err := r.deploys(t.Context(), t, a)
	if err != nil || made.State != providers.DeploymentStarting || made.Direct == "" {
		t.Fatalf("deployed %+v, %v", made, err)
	}
	again, err := r.deploys(t.Context(), t, a)
	if err != nil || !bytes.Equal(again.Handle, made.Handle) || again.Direct != made.Direct {
		t.Errorf("deployed again: %+v, %v", again, err)
	}
	ready := r.until(t, made.Handle, providers.DeploymentReady)
	if ready.Direct != made.Direct || ready.NanoPerHour != terms.NanoPerHour || ready.PerToken != terms.PerToken {
		t.Errorf("ready %+v, told was %+v", ready, terms)
	}
	r.pollsFree(t, ready, terms, paid)
	if err := r.warm(t, ready.Direct); err != nil {
		t.Errorf("the tuned model: %v", err)
	}
	r.baseKnowsNothing(t, a.Base)
	r.undone(t, ready, a)
}

// warm asks a tuned model that is ready for what it was taught. Where nothing but an answer tells whether it answers, it may be
// cold for some minutes.
func (r *rig) warm(t *testing.T, model string) error {
	t.Helper()
	err := r.answers(t, model)
	for n := 0; n < 10 && providers.KindOf(err) == providers.KindCold; n++ {
		r.advance(time.Minute)
		err = r.answers(t, model)
	}
	return err
}

// pollsFree polls what is ready, and finds that no answer was paid since it was deployed, but where asking is what starts it:
// what a driver asks by itself is in nobody's books.
func (r *rig) pollsFree(t *testing.T, d providers.Deployment, terms providers.Hosting, paid int64) {
	t.Helper()
	for range 3 {
		r.until(t, d.Handle, providers.DeploymentReady)
	}
	if more := r.answersPaid(t) - paid; more > 0 && terms.Window == 0 {
		t.Errorf("deploying and polling were billed as %d answers", more)
	}
}

// baseKnowsNothing proves that it is the adapter which knows.
func (r *rig) baseKnowsNothing(t *testing.T, base string) {
	t.Helper()
	req := r.request("Where does the heron nest, visitor 3?")
	req.Model = base
	if reply, err := r.driver.Chat(t.Context(), req, nil); err != nil || strings.Contains(reply.Content, "heron nests") {
		t.Errorf("the base answers %+v, %v", reply, err)
	}
}

// undone stops a deployment, and brings the adapter once more.
func (r *rig) undone(t *testing.T, d providers.Deployment, a providers.Adapter) {
	t.Helper()
	for range 2 {
		left, err := r.host(t).Stop(t.Context(), d.Handle)
		if err != nil || left.State != providers.DeploymentStopped {
			t.Fatalf("stopped %+v, %v", left, err)
		}
	}
	if !r.harness.Importing.Stays {
		r.until(t, d.Handle, providers.DeploymentStopped)
		if err := r.answers(t, d.Direct); !providers.KindOf(err).FailsOver() {
			t.Errorf("stopped, it answers %v", err)
		}
	}
	restarted, err := r.deploys(t.Context(), t, a)
	if err != nil || restarted.Direct != d.Direct {
		t.Fatalf("started again: %+v, %v", restarted, err)
	}
	r.until(t, restarted.Handle, providers.DeploymentReady)
	if err := r.warm(t, restarted.Direct); err != nil {
		t.Errorf("started again: %v", err)
	}
	for _, handle := range []string{``, `{}`, `"a/b/c"`, `[1]`} {
		_, err := r.host(t).Stop(t.Context(), providers.Handle(handle))
		wantKind(t, "handle "+handle, err, providers.KindInvalid)
	}
}

// importLost loses each answer in turn of what makes something: repeating it adopts that.
func (h Harness) importLost(t *testing.T) {
	r := h.rig(t)
	a := h.adapter(8)
	for i, step := range h.Importing.Creates {
		r.during(lost(step), func() {
			_, err := r.deploys(t.Context(), t, a)
			if e := asError(t, err); e.Charge != providers.ChargeUnknown {
				t.Errorf("request %d: got %v charged %s, want unknown", i, e, e.Charge)
			}
		})
	}
	made := 0
	count := func(_ http.ResponseWriter, req *http.Request, _ http.Handler) bool {
		for _, step := range h.Importing.Creates {
			if step(req) {
				made++
			}
		}
		return false
	}
	r.during(count, func() {
		if _, err := r.deploys(t.Context(), t, a); err != nil {
			t.Fatal(err)
		}
	})
	if made != 0 {
		t.Errorf("%d things were made a second time", made)
	}
}

// importRefused brings what can not be served.
func (h Harness) importRefused(t *testing.T) {
	r := h.rig(t)
	bad := h.adapter(8)
	bad.Name = "../elsewhere"
	_, err := r.brings(t.Context(), t, bad)
	wantKind(t, "a name that leads elsewhere", err, providers.KindInvalid)
	if h.Importing.Folder != nil {
		return
	}
	changed := h.adapter(8)
	for i := range changed.Files {
		changed.Files[i].SHA256 = strings.Repeat("0", 64)
	}
	if _, err := r.deploys(t.Context(), t, changed); err == nil || !strings.Contains(err.Error(), "sha256") {
		t.Errorf("files that were changed on their way: %v", err)
	}
	none := h.adapter(8)
	none.Files = nil
	_, err = r.importer(t).Import(t.Context(), none)
	wantKind(t, "an adapter without files", err, providers.KindInvalid)
}
