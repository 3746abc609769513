// Package colab is the room of trainings that people run themselves: in Google Colab, or by a
// script on any machine with a GPU. Nothing is asked of a vendor here. A training is a run
// that waits for sessions: each gets the notebook or the script, tells how far it is, and
// leaves checkpoints and, at the end, an adapter. What it costs is paid elsewhere.
//
// It answers no chats: a host that is a [providers.Importer] serves what was trained.
package colab

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"dreamlab/providers"
)

const name = "colab"

// The settings' names.
const (
	envBases    = "COLAB_BASES"
	envPatience = "COLAB_PATIENCE"
)

var settings = []providers.Setting{
	{
		Env: envBases, Required: true,
		Help: "bases that your GPU can train, by their names on Hugging Face, with commas: up to 8B in Colab with a T4, 14B with " +
			"an L4 or A100",
	},
	{
		Env: envPatience, Default: "168h",
		Help: "how long a training waits for its next session before it fails: the addresses in a notebook hold for a week",
	},
}

// Vendor opens the trainings that people run themselves.
var Vendor = providers.Vendor{
	Name: name, Settings: settings, Open: open,
	Sandbox: func(string, string) map[string]string {
		return map[string]string{envBases: "Qwen/Qwen3-8B,google/gemma-3-12b-it,Qwen/Qwen3.8-27B"}
	},
}

func open(config providers.Config) (providers.Driver, error) {
	value := func(at int) string {
		if set := config.Values[settings[at].Env]; set != "" {
			return set
		}
		return settings[at].Default
	}
	patience, err := time.ParseDuration(value(1))
	if err != nil || patience < time.Hour {
		return nil, fmt.Errorf("%s: give a duration of an hour at least, such as 168h", envPatience)
	}
	bases := strings.FieldsFunc(value(0), func(r rune) bool { return r == ',' || r == ' ' })
	if len(bases) == 0 || slices.ContainsFunc(bases, func(base string) bool { return !strings.Contains(base, "/") }) {
		return nil, fmt.Errorf("%s: write each base as on Hugging Face, such as Qwen/Qwen3-8B", envBases)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return driver{trainer{runs: config.Runs, bases: bases, patience: patience, now: config.Now}}, nil
}

type driver struct{ trainer trainer }

var _ providers.Trains = driver{}

// Trainer returns the trainings.
func (d driver) Trainer() providers.Trainer { return d.trainer }

// Chat refuses: there is no server behind this vendor.
func (driver) Chat(_ context.Context, req *providers.Request, _ providers.Sink) (*providers.Reply, error) {
	return nil, gone(req.Model, "answers nowhere: people train by "+name+", and another vendor serves")
}

// Models lists nothing: no model answers here.
func (driver) Models(context.Context) ([]providers.ModelInfo, error) { return nil, nil }

func gone(model, message string) *providers.Error {
	return &providers.Error{
		Kind: providers.KindModelGone, Provider: name, Model: model, Message: model + " " + message, Charge: providers.ChargeNone,
	}
}

func invalid(param, message string) *providers.Error {
	return &providers.Error{
		Kind: providers.KindInvalid, Provider: name, Param: param, Message: message, Charge: providers.ChargeNone,
	}
}
