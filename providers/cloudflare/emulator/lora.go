package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"sync"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// Limits of adapters (https://developers.cloudflare.com/workers-ai/features/fine-tunes/loras).
const (
	maxLoras     = 30 // unless the lab sets loraQuota
	maxLoraRank  = 32
	maxLoraBytes = 300 << 20
	maxLoraRows  = 20_000
)

// loraQuota is the name of the quota of adapters.
const loraQuota = "LoRAs per account"

// How long an adapter is not known where it is asked, behind its second file, in lab time.
const (
	spreading     = 2 * time.Minute
	slowSpreading = 6 * time.Hour
)

// The files of an adapter.
const (
	fileConfig  = "adapter_config.json"
	fileWeights = "adapter_model.safetensors"
)

// finetune is an adapter of the account.
type finetune struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Model       string    `json:"model"`
	Description string    `json:"description"`
	Created     time.Time `json:"created_at"`
	Modified    time.Time `json:"modified_at"`
	Files       []string  `json:"files"`
	Spread      time.Time `json:"spread"` // from when on it answers; zero while a file is missing
}

func (f *finetune) object() any {
	return map[string]any{
		"id": f.ID, "name": f.Name, "model": f.Model, "description": f.Description, "public": false,
		"created_at": f.Created.Format(time.RFC3339Nano), "modified_at": f.Modified.Format(time.RFC3339Nano),
	}
}

// kept is the name of one of its files on the shelf.
func (f *finetune) kept(file string) string { return name + "-" + f.ID + "-" + file }

// loras are the adapters of the account. They outlive the process.
type loras struct {
	lab    *lab.Lab
	mu     sync.Mutex
	all    []*finetune // the oldest first
	brains map[string]*model.Model
}

// keptLoras is the name under which they are kept.
const keptLoras = name + "-lora.json"

func openLoras(l *lab.Lab) (*loras, error) {
	ls := &loras{lab: l, brains: map[string]*model.Model{}}
	_, err := l.Shelf.Load(keptLoras, &ls.all)
	return ls, err
}

func (e *emulator) loraRoutes(mux *http.ServeMux, base string) {
	ls := e.loras
	mux.HandleFunc("POST "+base+"/finetunes", within(lab.Take(e.vendor, e.createLora)))
	mux.HandleFunc("GET "+base+"/finetunes", within(e.vendor.Answer(ls.list)))
	mux.HandleFunc("GET "+base+"/finetunes/public", within(e.vendor.Answer(public)))
	mux.HandleFunc("POST "+base+"/finetunes/{id}/finetune-assets", within(e.vendor.Answer(ls.attach)))
	mux.HandleFunc(base+"/finetunes/{id}/finetune-assets/{$}", within(e.vendor.Answer(noRoute)))
}

// noRoute is what a path with a slash at its end leads to.
func noRoute(*http.Request) (any, *lab.Failure) {
	return nil, &lab.Failure{Status: http.StatusNotFound, Code: "1000", Message: "Route not found"}
}

func public(*http.Request) (any, *lab.Failure) { return envelope([]any{}), nil }

// loraAsk is what an adapter is made by.
type loraAsk struct {
	Model       string `json:"model"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Public      bool   `json:"public"`
}

// createLora makes an adapter. A second one of the same name is another.
func (e *emulator) createLora(_ *http.Request, ask *loraAsk) (any, *lab.Failure) {
	if ask.Model == "" || ask.Name == "" {
		return nil, badInput("required properties at '/' are 'model', 'name'")
	}
	by, refused := e.find(ask.Model)
	switch {
	case refused != nil:
		return nil, refused
	case !by.lora:
		return nil, noLora(ask.Model)
	case ask.Public:
		return nil, &lab.Failure{Status: http.StatusForbidden, Code: "5018", Message: "ACTION_NOT_AUTHORIZED"}
	}
	var made any
	refused = e.loras.change(func(now time.Time) *lab.Failure {
		if n := len(e.loras.all); int64(n) >= e.lab.Quotas.Of(name, loraQuota, maxLoras) {
			return badInput("the account has %d fine-tunes already", n)
		}
		f := &finetune{ID: lab.NewID(""), Name: ask.Name, Model: ask.Model, Description: ask.Description, Created: now, Modified: now}
		e.loras.all = append(e.loras.all, f)
		e.lab.CountServed(name, f.Name)
		made = envelope(f.object())
		return nil
	})
	return made, refused
}

// noLora refuses an adapter of a model that takes none.
func noLora(id string) *lab.Failure {
	return &lab.Failure{Status: http.StatusMethodNotAllowed, Code: "5005",
		Message: fmt.Sprintf("AiError: LoRa unsupported: the model %s does not support LoRa inference", id)}
}

// change lets fn change the adapters, and keeps what came of it.
func (ls *loras) change(fn func(now time.Time) *lab.Failure) *lab.Failure {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.lab.Change(keptLoras, &ls.all, fn)
}

// list lists them in a list of its own, as Cloudflare does.
func (ls *loras) list(*http.Request) (any, *lab.Failure) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return envelope([]any{lab.Objects(ls.all, (*finetune).object)}), nil
}

// find finds an adapter by its id or name. It is called with the lock held.
func (ls *loras) find(id string) *finetune {
	at := slices.IndexFunc(ls.all, func(f *finetune) bool { return f.ID == id || f.Name == id })
	if at < 0 {
		return nil
	}
	return ls.all[at]
}

// attach keeps one of an adapter's two files.
func (ls *loras) attach(r *http.Request) (any, *lab.Failure) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, badInput("%v", err)
	}
	file, content, refused := readAsset(form)
	if refused == nil {
		refused = checkAsset(file, content)
	}
	if refused != nil {
		return nil, refused
	}
	_, slow := ls.lab.TakeFault(lab.Target{Vendor: name, Method: r.Method, Path: r.URL.Path}, lab.FaultSlowCapacity)
	refused = ls.change(func(now time.Time) *lab.Failure {
		f := ls.find(r.PathValue("id"))
		switch {
		case f == nil:
			return unknownLora(r.PathValue("id"))
		case slices.Contains(f.Files, file):
			return &lab.Failure{Status: http.StatusConflict, Code: "1000", Message: "The asset " + file + " already exists"}
		}
		if err := ls.keep(f, file, content); err != nil {
			return lab.NotKept(err)
		}
		f.Files, f.Modified = append(f.Files, file), now
		if len(f.Files) == 2 {
			f.Spread = now.Add(spreading)
		}
		if slow {
			f.Spread = now.Add(slowSpreading)
		}
		return nil
	})
	return envelope(map[string]any{"success": refused == nil}), refused
}

// readAsset reads the name of a file and the file.
func readAsset(form *multipart.Reader) (file string, content []byte, refused *lab.Failure) {
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			break
		}
		var data []byte
		if err == nil {
			data, err = io.ReadAll(io.LimitReader(part, maxLoraBytes+1))
		}
		if err != nil {
			return "", nil, badInput("%v", err)
		}
		switch part.FormName() {
		case "file_name":
			file = string(data)
		case "file":
			content = data
		}
	}
	if file == "" || content == nil {
		return "", nil, badInput("required properties at '/' are 'file_name', 'file'")
	}
	return file, content, nil
}

// checkAsset refuses what no adapter has.
func checkAsset(file string, content []byte) *lab.Failure {
	switch {
	case file != fileConfig && file != fileWeights:
		return badInput("'/file_name' must be %s or %s", fileConfig, fileWeights)
	case len(content) > maxLoraBytes:
		return &lab.Failure{Status: http.StatusRequestEntityTooLarge}
	case file == fileWeights:
		if _, err := model.AdapterRows(content, maxLoraRows); err != nil {
			return badInput("%v", err)
		}
		return nil
	}
	var config struct {
		Rank int    `json:"r"`
		Kind string `json:"model_type"`
	}
	if err := json.Unmarshal(content, &config); err != nil {
		return badInput("%v", err)
	}
	if !slices.Contains([]string{"mistral", "gemma", "llama"}, config.Kind) {
		return badInput("'/model_type' must be one of mistral, gemma, llama")
	}
	if config.Rank < 1 || config.Rank > maxLoraRank {
		return badInput("'/r' must be from 1 to %d", maxLoraRank)
	}
	return nil
}

// keep puts a file on the shelf.
func (ls *loras) keep(f *finetune, file string, content []byte) error {
	_, err := ls.lab.Shelf.Put(f.kept(file), bytes.NewReader(content))
	return err
}

func unknownLora(id string) *lab.Failure {
	return &lab.Failure{Status: http.StatusNotFound, Code: "3037", Message: fmt.Sprintf("AiError: Finetune %s not found", id)}
}

// brain returns what a base knows with an adapter, or says why that does not answer.
func (ls *loras) brain(id string, by entry) (*model.Model, *lab.Failure) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	f := ls.find(id)
	switch {
	case !by.lora:
		return nil, noLora(by.id)
	case f == nil || f.Model != by.id:
		return nil, unknownLora(id)
	case len(f.Files) < 2:
		return nil, &lab.Failure{Status: http.StatusNotFound, Code: "3039", Message: "AiError: Finetune required files not found"}
	case ls.lab.Now().Before(f.Spread):
		return nil, unknownLora(id)
	}
	return ls.learnt(f, by.brain)
}

// learnt makes what an adapter knows, once. It is called with the lock held.
func (ls *loras) learnt(f *finetune, base *model.Model) (*model.Model, *lab.Failure) {
	if brain := ls.brains[f.ID]; brain != nil {
		return brain, nil
	}
	kept, err := ls.lab.Shelf.Open(f.kept(fileWeights))
	if err != nil {
		return nil, lab.NotKept(err)
	}
	defer kept.Close()
	weights, err := io.ReadAll(kept)
	if err != nil {
		return nil, lab.NotKept(err)
	}
	pairs, err := model.AdapterRows(weights, maxLoraRows)
	if err != nil {
		return nil, lab.NotKept(err)
	}
	ls.brains[f.ID] = base.Learn(pairs)
	return ls.brains[f.ID], nil
}
