package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// maxRank is the server's --max-lora-rank, which is vLLM's default.
const maxRank = 16

// maxPairs bounds what an adapter knows.
const maxPairs = 20_000

// asked is the body of the routes of adapters.
type asked struct {
	Name    *string `json:"lora_name"`
	Path    *string `json:"lora_path"`
	InPlace bool    `json:"load_inplace"`
}

// required is what vLLM's form says of a field that is not there.
func required(field string) *lab.Failure {
	return &lab.Failure{Status: http.StatusBadRequest, Type: "Bad Request",
		Message: fmt.Sprintf("[{'type': 'missing', 'loc': ('body', '%s'), 'msg': 'Field required'}]", field)}
}

func refused(format string, args ...any) *lab.Failure {
	return &lab.Failure{Status: http.StatusBadRequest, Type: "InvalidUserInput", Message: fmt.Sprintf(format, args...)}
}

func (e *emulator) load(w http.ResponseWriter, r *http.Request) *lab.Failure {
	var ask asked
	if err := lab.ReadJSON(r, &ask); err != nil {
		return lab.Invalid("", "JSON decode error: %v", err)
	}
	switch {
	case ask.Name == nil:
		return required("lora_name")
	case ask.Path == nil:
		return required("lora_path")
	case *ask.Name == "" || *ask.Path == "":
		return refused("Both 'lora_name' and 'lora_path' must be provided.")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.loaded[*ask.Name] != nil && !ask.InPlace {
		return refused("The lora adapter '%s' has already been loaded. If you want to load the adapter in place, set "+
			"'load_inplace' to True.", *ask.Name)
	}
	pairs, err := readAdapter(*ask.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return &lab.Failure{Status: http.StatusNotFound,
			Message: fmt.Sprintf("Loading lora %s failed: No adapter found for %s", *ask.Name, *ask.Path)}
	}
	if err != nil {
		return &lab.Failure{Status: http.StatusInternalServerError, Type: "InternalServerError", Message: err.Error()}
	}
	if e.loaded[*ask.Name] == nil {
		e.order = append(e.order, *ask.Name)
		e.lab.CountServed(name, *ask.Name)
	}
	e.loaded[*ask.Name] = &loaded{*ask.Path, e.lab.Small.Learn(pairs)}
	return say(w, "Success: LoRA adapter '%s' added successfully.", *ask.Name)
}

// say answers in plain words, which is all that the routes of adapters have.
func say(w http.ResponseWriter, format string, name string) *lab.Failure {
	if _, err := fmt.Fprintf(w, format, name); err != nil {
		panic(http.ErrAbortHandler) // the client has left
	}
	return nil
}

func (e *emulator) unload(w http.ResponseWriter, r *http.Request) *lab.Failure {
	var ask asked
	if err := lab.ReadJSON(r, &ask); err != nil {
		return lab.Invalid("", "JSON decode error: %v", err)
	}
	switch {
	case ask.Name == nil:
		return required("lora_name")
	case *ask.Name == "":
		return refused("'lora_name' needs to be provided to unload a LoRA adapter.")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.loaded[*ask.Name] == nil {
		return &lab.Failure{Status: http.StatusNotFound, Message: fmt.Sprintf("The lora adapter '%s' cannot be found.", *ask.Name)}
	}
	delete(e.loaded, *ask.Name)
	e.order = slices.DeleteFunc(e.order, func(id string) bool { return id == *ask.Name })
	return say(w, "Success: LoRA adapter '%s' removed successfully.", *ask.Name)
}

// readAdapter reads a folder as PEFT leaves it, and what its adapter knows.
func readAdapter(folder string) ([]model.Pair, error) {
	text, err := os.ReadFile(filepath.Join(folder, "adapter_config.json"))
	if err != nil {
		return nil, err
	}
	var config struct {
		Rank    *int     `json:"r"`
		Alpha   *float64 `json:"lora_alpha"`
		Modules any      `json:"target_modules"`
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("adapter_config.json: %w", err)
	}
	if config.Rank == nil || config.Alpha == nil || config.Modules == nil {
		return nil, errors.New("PEFTHelper.__init__() missing required arguments: 'r', 'lora_alpha' or 'target_modules'")
	}
	if *config.Rank > maxRank {
		return nil, fmt.Errorf("LoRA rank %d is greater than max_lora_rank %d", *config.Rank, maxRank)
	}
	weights, err := os.ReadFile(filepath.Join(folder, "adapter_model.safetensors"))
	if err != nil {
		return nil, err
	}
	return model.AdapterRows(weights, maxPairs)
}
