package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

const (
	// maxSessions bounds the sessions of a training on a machine of one's own, and the tries to get its program.
	maxSessions = 300
	// stubs is the folder, in the module's root, of a trainer that needs no GPU.
	stubs = "tasks/notebook/testdata"
	// ownWeights are what that machine trains, and what Groq has of it.
	ownWeights  = "openai/gpt-oss-120b,google/gemma-3-12b-it,Qwen/Qwen3-8B"
	groqAdapter = "openai/gpt-oss-120b=openai/gpt-oss-120b"
)

// machine is one with a GPU of one's own, which trains what a tune waits for.
type machine struct {
	lab  *lab
	tune placedTune
}

// canRun tells whether such a machine can be played here.
func canRun() bool {
	_, python := exec.LookPath("python3")
	_, trainer := os.Stat(stubs)
	return python == nil && trainer == nil
}

// run begins a session for each run of the tune until the tune has ended: where PostgreSQL lost the end of one, the tune
// starts another. The first session dies between two checkpoints. A tune for which none ends well is cancelled: it
// would wait for a week.
func (m machine) run(ctx context.Context) error {
	died, trained := false, ""
	for range maxSessions {
		if m.over(ctx) {
			return nil
		}
		if program := m.program(ctx); program != nil && runName.FindString(string(program)) != trained {
			done, err := m.session(ctx, program, !died)
			if err != nil {
				return err
			}
			if done {
				trained = runName.FindString(string(program))
			}
			died = true
		}
		if !pause(ctx, time.Second) {
			return ctx.Err()
		}
	}
	if trained == "" {
		m.lab.load.cancel(ctx, m.tune.ask, m.tune.job)
	}
	return nil
}

// runName is the name of a training's run.
var runName = regexp.MustCompile(`run_[0-9a-f]{16,}`)

// pinned are the packages that a program would install.
var pinned = regexp.MustCompile(`"packages":\[[^\]]*\]`)

// get asks one of the apis about the tune; nil: it has no answer.
func (m machine) get(ctx context.Context, rest string) []byte {
	a := m.tune.ask
	a.api = int(m.lab.load.last.Add(1)) % len(m.lab.apis)
	status, text := m.lab.load.call(ctx, a, http.MethodGet, "/v1/tunes/"+m.tune.id+rest, "", "")
	if status != http.StatusOK {
		return nil
	}
	return text
}

// over tells whether the tune has ended, as one that had nothing to learn from.
func (m machine) over(ctx context.Context) bool { return ended(textOf(m.get(ctx, ""), "status")) }

// program gets the program that trains; nil: not yet.
func (m machine) program(ctx context.Context) []byte {
	text := m.get(ctx, "/notebook?format=script")
	if text == nil {
		return nil
	}
	return pinned.ReplaceAll(text, []byte(`"packages":[]`))
}

// session runs the program with the trainer that needs no GPU, and tells whether it has trained to the end.
func (m machine) session(ctx context.Context, program []byte, dies bool) (bool, error) {
	dir, err := os.MkdirTemp(m.lab.dir, "machine-")
	if err != nil {
		return false, fmt.Errorf("begin a session: %w", err)
	}
	script, folder := filepath.Join(dir, "run.py"), stubs
	if folder, err = filepath.Abs(folder); err == nil {
		err = os.WriteFile(script, program, 0o600)
	}
	if err != nil {
		return false, fmt.Errorf("begin a session: %w", err)
	}
	cmd := exec.CommandContext(ctx, "python3", script)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+folder, "DREAMLAB_TRAINER=stub_trainer", "STUB_TRACE="+filepath.Join(dir, "trace"),
		"DREAMLAB_WORK="+dir, "PYTHONDONTWRITEBYTECODE=1", "no_proxy=*")
	if dies {
		cmd.Env = append(cmd.Env, "STUB_DIES_AT=5")
	}
	err = cmd.Run()
	if exited := (*exec.ExitError)(nil); errors.As(err, &exited) {
		return false, nil // it was to die, or its server was away
	}
	return err == nil, err
}
