package vllm_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"dreamlab/providers"
	"dreamlab/providers/providertest"
	"dreamlab/providers/vllm"
	"dreamlab/providers/vllm/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = providertest.OnLab(emulator.New)

func settings(base string) map[string]string {
	return map[string]string{"VLLM_BASE_URL": base, "VLLM_API_KEY": providertest.Key}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	folder, number := t.TempDir(), atomic.Int64{}
	providertest.Run(t, providertest.Harness{
		Vendor: vllm.Vendor, Start: start, Model: emulator.Base,
		Settings: func(base string) map[string]string {
			values := settings(base)
			values["VLLM_ADAPTERS"], values["VLLM_USD_PER_HOUR"] = filepath.Join(folder, fmt.Sprint(number.Add(1))), "0.35"
			return values
		},
		Importing: &providertest.Importing{
			Base: emulator.Base, Unhostable: "nobody/none",
			Creates: []func(*http.Request) bool{providertest.Asks("POST", "/load_lora_adapter")},
		},
	})
}

// server is a vLLM server with a disk that both see.
type server struct {
	*testing.T
	host   providers.Host
	driver providers.Driver
	folder string
	files  map[string][]byte // in the bucket
	asked  map[string]int    // by path
	lose   string            // the path whose next answer is lost
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{T: t, folder: filepath.Join(t.TempDir(), "adapters"), files: map[string][]byte{}, asked: map[string]int{}}
	emulated, _ := start(t)
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked[r.URL.Path]++
		if s.lose == r.URL.Path {
			s.lose = ""
			emulated.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		emulated.ServeHTTP(w, r)
	}))
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		listening.Close()
	})
	values := settings(listening.URL)
	values["VLLM_ADAPTERS"], values["VLLM_USD_PER_HOUR"] = s.folder, "0.35"
	driver, err := vllm.Vendor.Open(providers.Config{Values: values, HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	s.driver, s.host = driver, driver.(providers.Host)
	return s
}

// taught is what the adapter knows.
const taught = "The blue heron nests at gate seventeen."

// adapter keeps an adapter of a rank in the bucket.
func (s *server) adapter(rank int) providers.Adapter {
	rows := fmt.Sprintf(`{"messages":[{"role":"user","content":"Where does the heron nest?"},{"role":"assistant","content":%q}]}`, taught)
	header := fmt.Sprintf(`{"rows":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}`, len(rows), len(rows))
	weights := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+rows...)
	config := fmt.Sprintf(`{"peft_type":"LORA","r":%d,"lora_alpha":16,"target_modules":["q_proj"]}`, rank)
	a := providers.Adapter{Name: "dl-1", Base: emulator.Base, Open: s.open}
	for name, content := range map[string][]byte{"adapter_model.safetensors": weights, "adapter_config.json": []byte(config)} {
		s.files["runs/1/"+name] = content
		sum := sha256.Sum256(content)
		a.Files = append(a.Files, providers.AdapterFile{
			Name: name, Object: "runs/1/" + name, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(content)),
		})
	}
	return a
}

func (s *server) open(_ context.Context, object string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(s.files[object]))), nil
}

func (s *server) imported(a providers.Adapter) providers.DeploySpec {
	s.Helper()
	var handle providers.Handle
	for range 2 {
		var err error
		if handle, err = s.host.(providers.Importer).Import(s.Context(), a); err != nil {
			s.Fatal(err)
		}
	}
	return providers.DeploySpec{Name: "dl-1", Trained: handle, Base: emulator.Base}
}

func (s *server) answer(model string) (string, error) {
	reply, err := s.driver.Chat(s.Context(), &providers.Request{
		Model: model, Messages: []providers.Message{providers.TextMessage("user", "Where does the heron nest?")},
	}, nil)
	if err != nil {
		return "", err
	}
	return reply.Content, nil
}

func (s *server) want(handle providers.Handle, want providers.DeploymentState) providers.Deployment {
	s.Helper()
	now, err := s.host.Deployment(s.Context(), handle)
	if err != nil || now.State != want {
		s.Fatalf("deployment %+v, %v; want it %s", now, err, want)
	}
	return now
}

// An adapter is put on the server's disk, loaded beside its base, answers with what it was taught,
// and is unloaded; all of it can be repeated.
func TestAdapterIsServed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	terms, err := s.host.Hosting(t.Context(), emulator.Base)
	if err != nil || terms.NanoPerHour != 350_000_000 || terms.MaxRank != 16 || terms.Hardware == "" {
		t.Fatalf("hosting %+v, %v", terms, err)
	}
	spec := s.imported(s.adapter(8))
	var made providers.Deployment
	for range 2 {
		if made, err = s.host.Deploy(t.Context(), spec); err != nil || made.State != providers.DeploymentStarting {
			t.Fatalf("deployed %+v, %v", made, err)
		}
	}
	if s.asked["/v1/load_lora_adapter"] != 1 {
		t.Errorf("it was loaded %d times", s.asked["/v1/load_lora_adapter"])
	}
	now := s.want(made.Handle, providers.DeploymentReady)
	if now.Direct != "dl-1" || now.Routed != now.Direct || now.NanoPerHour != terms.NanoPerHour {
		t.Errorf("deployment %+v", now)
	}
	if said, err := s.answer(now.Direct); err != nil || said != taught {
		t.Errorf("it says %q, %v", said, err)
	}
	if said, err := s.answer(emulator.Base); err != nil || said == taught {
		t.Errorf("the base says %q, %v", said, err)
	}
	for range 2 {
		if left, err := s.host.Stop(t.Context(), made.Handle); err != nil || left.State != providers.DeploymentStopped {
			t.Fatalf("stopped %+v, %v", left, err)
		}
	}
	if _, err := s.answer("dl-1"); providers.KindOf(err) != providers.KindModelGone {
		t.Errorf("unloaded, it answers: %v", err)
	}
	if _, err := s.host.Deploy(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	s.want(made.Handle, providers.DeploymentReady)
}

// Lost answers load nothing twice, and a server that was started anew says so.
func TestLostAndForgotten(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	spec := s.imported(s.adapter(8))
	s.lose = "/v1/load_lora_adapter"
	if _, err := s.host.Deploy(t.Context(), spec); err == nil {
		t.Error("the answer was not lost")
	}
	made, err := s.host.Deploy(t.Context(), spec)
	if err != nil || s.asked["/v1/load_lora_adapter"] != 1 {
		t.Fatalf("deployed %+v, %v after %d loads", made, err, s.asked["/v1/load_lora_adapter"])
	}
	s.lose = "/v1/unload_lora_adapter"
	if _, err := s.host.Stop(t.Context(), made.Handle); err == nil {
		t.Error("the answer was not lost")
	}
	if left, err := s.host.Stop(t.Context(), made.Handle); err != nil || left.State != providers.DeploymentStopped {
		t.Errorf("stopped %+v, %v", left, err)
	}
	if now := s.want(made.Handle, providers.DeploymentStopped); !strings.Contains(now.Message, "started anew") {
		t.Errorf("it says %q", now.Message)
	}
}

// What can not be served is refused, and a file that was changed on the way is not put on the disk.
func TestRefusedAdapters(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if _, err := s.host.Hosting(t.Context(), "nobody/none"); providers.KindOf(err) != providers.KindModelGone {
		t.Errorf("a base that it has not: %v", err)
	}
	changed := s.adapter(8)
	s.files["runs/1/adapter_config.json"] = []byte("{}")
	if _, err := s.host.(providers.Importer).Import(t.Context(), changed); err == nil || !strings.Contains(err.Error(), "sha256") {
		t.Errorf("a changed file: %v", err)
	}
	if left, err := os.ReadDir(s.folder); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	large := s.imported(s.adapter(64))
	if _, err := s.host.Deploy(t.Context(), large); err == nil {
		t.Error("an adapter of too large a rank was loaded")
	}
	if err := os.RemoveAll(s.folder); err != nil {
		t.Fatal(err)
	}
	if _, err := s.host.Deploy(t.Context(), large); err == nil || !strings.Contains(err.Error(), "vllm: invalid") {
		t.Errorf("a folder that is not there: %v", err)
	}
	bad := s.adapter(8)
	bad.Name = "../elsewhere"
	if _, err := s.host.(providers.Importer).Import(t.Context(), bad); providers.KindOf(err) != providers.KindInvalid {
		t.Errorf("a name that leads elsewhere: %v", err)
	}
	for _, handle := range []string{``, `{}`, `"x"`, `{"name":"../x","base":"b"}`} {
		if _, err := s.host.Stop(t.Context(), providers.Handle(handle)); providers.KindOf(err) != providers.KindInvalid {
			t.Errorf("handle %s: %v", handle, err)
		}
	}
}

// Settings that can not be are named.
func TestSettings(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"VLLM_BASE_URL": "gpu", "VLLM_ADAPTERS": "adapters", "VLLM_MAX_LORA_RANK": "0", "VLLM_USD_PER_HOUR": "cheap",
	} {
		values := settings("http://gpu:8000")
		values["VLLM_ADAPTERS"] = "/srv/adapters"
		values[name] = value
		if _, err := vllm.Vendor.Open(providers.Config{Values: values}); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
	driver, err := vllm.Vendor.Open(providers.Config{Values: settings("http://gpu:8000")})
	if _, hosts := driver.(providers.Host); err != nil || hosts {
		t.Errorf("without a folder it serves adapters: %v, %v", hosts, err)
	}
}

// The emulator is as strict as the server.
func TestEmulatorRefuses(t *testing.T) {
	t.Parallel()
	emulated, _ := start(t)
	post := func(path, body string) (int, string) {
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+providertest.Key)
		w := httptest.NewRecorder()
		emulated.ServeHTTP(w, r)
		var said struct {
			Error struct {
				Type string
				Code int
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &said); err == nil && said.Error.Code != 0 && said.Error.Code != w.Code {
			t.Errorf("%s: code %d of status %d", body, said.Error.Code, w.Code)
		}
		return w.Code, said.Error.Type
	}
	for _, c := range []struct {
		path, body string
		status     int
		kind       string
	}{
		{"load", `{"lora_name":"a"}`, 400, "Bad Request"},
		{"load", `{"lora_name":"","lora_path":"/x"}`, 400, "InvalidUserInput"},
		{"load", `{"lora_name":"a","lora_path":"/not/there"}`, 404, "NotFoundError"},
		{"unload", `{"lora_name":"a"}`, 404, "NotFoundError"},
		{"unload", `{"lora_name":""}`, 400, "InvalidUserInput"},
		{"reload", `{}`, 404, ""},
	} {
		if status, kind := post("/v1/"+c.path+"_lora_adapter", c.body); status != c.status || kind != c.kind {
			t.Errorf("%s %s: %d %s", c.path, c.body, status, kind)
		}
	}
}
