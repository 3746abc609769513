package emulator

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/work"
)

// Limits of adapters (https://console.groq.com/docs/lora).
const (
	maxLoraBytes = 1 << 30
	maxLoraRank  = 64
	maxLoraRows  = 20_000
)

// starting is how long a registered adapter does not answer, in lab time.
const starting = time.Minute

// purposeLora is the purpose of an adapter's archive.
const purposeLora = "fine_tuning"

// tuning is a registered adapter.
type tuning struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Type    string    `json:"type"`
	Base    string    `json:"base_model"`
	File    string    `json:"input_file_id"`
	Model   string    `json:"fine_tuned_model"`
	Created time.Time `json:"created"`
}

func (t *tuning) object() any {
	return map[string]any{
		"id": t.ID, "object": "fine_tuning", "name": t.Name, "type": t.Type, "base_model": t.Base, "input_file_id": t.File,
		"fine_tuned_model": t.Model, "created_at": t.Created.Unix(),
	}
}

// loras are the adapters of the account, which has a contract for all bases that are served. They
// outlive the process.
type loras struct {
	lab    *lab.Lab
	files  *work.Files
	mu     sync.Mutex
	all    []*tuning // the oldest first
	brains map[string]*model.Model
}

// keptLoras is the name under which they are kept.
const keptLoras = name + "-lora.json"

func openLoras(l *lab.Lab, files *work.Files) (*loras, error) {
	ls := &loras{lab: l, files: files, brains: map[string]*model.Model{}}
	_, err := l.Shelf.Load(keptLoras, &ls.all)
	return ls, err
}

func (e *emulator) loraRoutes(mux *http.ServeMux) {
	v := e.dialect.Vendor
	mux.HandleFunc("POST /v1/fine_tunings", lab.Take(v, e.registerLora))
	mux.HandleFunc("GET /v1/fine_tunings", v.Answer(e.loras.list))
	mux.HandleFunc("GET /v1/fine_tunings/{id}", v.Answer(e.loras.get))
	mux.HandleFunc("DELETE /v1/fine_tunings/{id}", v.Answer(e.loras.remove))
}

// registerLora makes a tuned model of an archive. A second one of the same name is another.
func (e *emulator) registerLora(_ *http.Request, asked *tuning) (any, *lab.Failure) {
	if _, refused := e.find(asked.Base); refused != nil {
		return nil, refused
	}
	switch {
	case asked.Name == "":
		return nil, lab.Invalid("name", "'name' : property 'name' is missing")
	case asked.Type != "lora":
		return nil, lab.Invalid("type", "'type' : value must be one of [lora]")
	}
	if _, refused := e.loras.rows(asked.File); refused != nil {
		return nil, refused
	}
	t := &tuning{
		ID: lab.NewID("ft_"), Name: asked.Name, Type: asked.Type, Base: asked.Base, File: asked.File,
		Model: "ft:" + asked.Base + ":org_sandbox/" + asked.Name,
	}
	refused := e.loras.change(func(now time.Time) *lab.Failure {
		t.Created = now
		e.loras.all = append(e.loras.all, t)
		e.loras.lab.CountServed(name, t.Name)
		return nil
	})
	return map[string]any{"data": t.object()}, refused
}

// change lets fn change the adapters, and keeps what came of it.
func (ls *loras) change(fn func(now time.Time) *lab.Failure) *lab.Failure {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.lab.Change(keptLoras, &ls.all, fn)
}

func (ls *loras) list(*http.Request) (any, *lab.Failure) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return map[string]any{"object": "list", "data": lab.Objects(ls.all, (*tuning).object)}, nil
}

func (ls *loras) get(r *http.Request) (any, *lab.Failure) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	at := ls.at(r.PathValue("id"))
	if at < 0 {
		return nil, lab.Absent("fine tuning", r.PathValue("id"))
	}
	return map[string]any{"data": ls.all[at].object()}, nil
}

// at finds an adapter by its id. It is called with the lock held.
func (ls *loras) at(id string) int {
	return slices.IndexFunc(ls.all, func(t *tuning) bool { return t.ID == id })
}

func (ls *loras) remove(r *http.Request) (any, *lab.Failure) {
	id := r.PathValue("id")
	refused := ls.change(func(time.Time) *lab.Failure {
		at := ls.at(id)
		if at < 0 {
			return lab.Absent("fine tuning", id)
		}
		delete(ls.brains, id)
		ls.all = slices.Delete(ls.all, at, at+1)
		return nil
	})
	return map[string]any{"id": id, "object": "fine_tuning", "deleted": true}, refused
}

// find finds a tuned model that answers, by its name.
func (ls *loras) find(id string) (t tuning, found bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	at := slices.IndexFunc(ls.all, func(t *tuning) bool { return t.Model == id })
	if at < 0 || ls.lab.Now().Before(ls.all[at].Created.Add(starting)) {
		return tuning{}, false
	}
	return *ls.all[at], true
}

// brain returns what a base knows with an adapter.
func (ls *loras) brain(t tuning, base *model.Model) (*model.Model, *lab.Failure) {
	ls.mu.Lock()
	known := ls.brains[t.ID]
	ls.mu.Unlock()
	if known != nil {
		return known, nil
	}
	pairs, refused := ls.rows(t.File)
	if refused != nil {
		return nil, refused
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.brains[t.ID] = base.Learn(pairs)
	return ls.brains[t.ID], nil
}

// rows reads what the adapter of an archive knows.
func (ls *loras) rows(id string) ([]model.Pair, *lab.Failure) {
	f, refused := ls.files.File(id)
	switch {
	case refused != nil:
		return nil, refused
	case f.Purpose != purposeLora:
		return nil, lab.Invalid("input_file_id", "the file %s has the purpose %s", id, f.Purpose)
	}
	kept, err := ls.lab.Shelf.Open(id)
	if err != nil {
		return nil, lab.NotKept(err)
	}
	defer kept.Close()
	content, err := io.ReadAll(io.LimitReader(kept, maxLoraBytes))
	if err != nil {
		return nil, lab.NotKept(err)
	}
	pairs, err := readArchive(content)
	if err != nil {
		return nil, lab.Invalid("input_file_id", "%v", err)
	}
	return pairs, nil
}

// readArchive reads an archive that has to hold an adapter's two files and nothing else.
func readArchive(content []byte) ([]model.Pair, error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, f := range archive.File {
		if files[f.Name], err = readFile(f); err != nil {
			return nil, err
		}
	}
	config, weights := files["adapter_config.json"], files["adapter_model.safetensors"]
	if len(archive.File) != 2 || config == nil || weights == nil {
		return nil, errors.New("the zip file must contain exactly adapter_model.safetensors and adapter_config.json")
	}
	var described struct {
		Rank int `json:"r"`
	}
	if err := json.Unmarshal(config, &described); err != nil {
		return nil, fmt.Errorf("adapter_config.json: %w", err)
	}
	if described.Rank < 1 || described.Rank > maxLoraRank {
		return nil, fmt.Errorf("adapter_config.json: rank %d is not supported", described.Rank)
	}
	return model.AdapterRows(weights, maxLoraRows)
}

func readFile(f *zip.File) ([]byte, error) {
	content, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(io.LimitReader(content, maxLoraBytes))
}
