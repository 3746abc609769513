package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// told is what a notebook tells its run.
type told struct {
	Run      string `json:"run_url"`
	Messages string `json:"messages_url"`
	Data     string `json:"data_url"`
	Files    string `json:"files_url"`
	Key      string `json:"key"`
	SHA256   string `json:"data_sha256"`
	Base     string `json:"base"`

	Epochs       int     `json:"epochs"`
	BatchSize    int     `json:"batch_size"`
	LearningRate float64 `json:"learning_rate"`
	Rank         int     `json:"rank"`
	Alpha        int     `json:"alpha"`
	Seed         int64   `json:"seed"`
}

// handOut makes a tune with a dataset and returns what its notebook tells.
func (r *rig) handOut(t *testing.T, more string) (id string, p told) {
	t.Helper()
	s := r.seed()
	rows := `{"messages":[]}` + "\n"
	sum := sha256.Sum256([]byte(rows + more))
	sha := hex.EncodeToString(sum[:])
	must(t, r.bucket.Create(t.Context(), blob.DatasetObject(sha), strings.NewReader(rows)))
	dataset, _, err := r.store.AddDataset(t.Context(), learn.Dataset{
		ID: db.NewID("ds_"), Tenant: s.tenant, Alias: "assistant", SHA256: sha, Object: blob.DatasetObject(sha), Rows: 1,
		Manifest: learn.Manifest{Hyper: plainjson.Of(tasks.Hyper{
			Epochs: 4, LearningRate: 1e-4, Multiplier: 2, Rank: 24, Alpha: 48, Seed: 7,
		})},
	}, nil)
	must(t, err)
	tune, err := r.store.Tune(t.Context(), s.tenant, s.tune)
	must(t, err)
	tune.Dataset = dataset.ID
	must(t, r.store.SetTune(t.Context(), tune))
	book := r.get("/v1/tunes/"+s.tune+"/notebook?address=http://lab.example.com").want(t, 200, "")
	var read struct{ Cells []struct{ Source []string } }
	must(t, json.Unmarshal(book.body, &read))
	text := strings.Join(read.Cells[1].Source, "")
	parts := strings.Split(text, `"""`)
	if len(parts) != 3 {
		t.Fatalf("the parameters stand in %q", text)
	}
	must(t, json.Unmarshal([]byte(parts[1]), &p))
	return s.tune, p
}

// A notebook trains on answers: it is refused for a dataset of preference pairs.
func TestNotebookLearnsFromNoPairs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	dataset, _, err := r.store.AddDataset(t.Context(), learn.Dataset{
		ID: db.NewID("ds_"), Tenant: s.tenant, Alias: "assistant", SHA256: "pairs", Object: "x", Rows: 1,
		Manifest: learn.Manifest{Method: "dpo"},
	}, nil)
	must(t, err)
	tune, err := r.store.Tune(t.Context(), s.tenant, s.tune)
	must(t, err)
	tune.Dataset = dataset.ID
	must(t, r.store.SetTune(t.Context(), tune))
	r.get("/v1/tunes/"+s.tune+"/notebook?address=http://lab.example.com").want(t, 409, "invalid_request")
}

// rigPath is where an address leads at the rig.
func rigPath(t *testing.T, address string) string {
	t.Helper()
	rest, found := strings.CutPrefix(address, "http://lab.example.com")
	if !found {
		t.Errorf("the address %q is not the one that was asked for", address)
	}
	return rest
}

// sealed signs a message.
func (p told) sealed(number, body string) map[string]string {
	at, sum := fmt.Sprint(time.Now().Unix()), sha256.Sum256([]byte(body))
	key, _ := hex.DecodeString(p.Key)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(at + "\n" + number + "\n" + hex.EncodeToString(sum[:])))
	return map[string]string{
		"X-Dreamlab-Timestamp": at, "X-Dreamlab-Sequence": number, "X-Dreamlab-Signature": hex.EncodeToString(mac.Sum(nil)),
	}
}

// A run reads its rows and leaves its files by signed addresses alone, and reports by signed
// messages, each once. It needs no key of a tenant.
func TestRunByHand(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	tune, p := r.handOut(t, "")
	sized := told{Epochs: p.Epochs, BatchSize: p.BatchSize, LearningRate: p.LearningRate, Rank: p.Rank, Alpha: p.Alpha, Seed: p.Seed}
	if sized != (told{Epochs: 4, BatchSize: 2, LearningRate: 2e-4, Rank: 24, Alpha: 48, Seed: 7}) || p.SHA256 == "" || p.Base == "" {
		t.Errorf("told %+v", p)
	}
	keyless := func(method, at, body string, header map[string]string) answer {
		return r.do(request{method: method, path: at, body: body, key: "none", header: header})
	}
	keyless("GET", rigPath(t, p.Run), "", nil).want(t, 200, "")
	if got := keyless("GET", rigPath(t, p.Data), "", nil).want(t, 200, ""); string(got.body) != `{"messages":[]}`+"\n" {
		t.Errorf("the rows are %q", got.body)
	}
	bare, _, _ := strings.Cut(rigPath(t, p.Data), "?")
	keyless("GET", bare, "", nil).want(t, 403, "forbidden")
	keyless("GET", strings.Replace(rigPath(t, p.Data), "sig=", "sig=00", 1), "", nil).want(t, 403, "forbidden")
	binary := map[string]string{"Content-Type": "application/octet-stream"}
	put := func(name string) answer {
		return keyless("PUT", strings.Replace(rigPath(t, p.Files), "NAME", name, 1), "{}", binary)
	}
	put("adapter_config.json").want(t, 200, "")
	put("model.bin").want(t, 409, "invalid_request")
	put(url.PathEscape("../run.json")).want(t, 409, "invalid_request")
	beat := `{"kind":"heartbeat","step":3}`
	keyless("POST", rigPath(t, p.Messages), beat, p.sealed("1", beat)).want(t, 200, "")
	keyless("POST", rigPath(t, p.Messages), beat, p.sealed("1", beat)).want(t, 409, "invalid_request")
	keyless("POST", rigPath(t, p.Messages), beat, nil).want(t, 409, "invalid_request")
	now := keyless("GET", rigPath(t, p.Run), "", nil).want(t, 200, "")
	if now.field(t, "step") != 3.0 || now.text(t, "state") != "running" {
		t.Errorf("the run is %s", now.body)
	}
	again := r.get("/v1/tunes/"+tune+"/notebook?format=script&address=http://lab.example.com").want(t, 200, "")
	if !strings.Contains(string(again.body), p.Key) {
		t.Error("the script is of another run than the notebook")
	}
	r.get("/v1/tunes/"+tune+"/notebook?format=word").want(t, 400, "invalid_request")
	r.get("/v1/tunes/"+tune+"/notebook?address=ftp://x").want(t, 400, "invalid_request")
	r.get("/v1/tunes/tun_none/notebook").want(t, 404, "not_found")
}
