package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"dreamlab/cmd/internal/boot"
	"dreamlab/providers"
)

// trainer is a vendor beside Together that trains, with the end of the path of the call that creates a training: the
// answer to it is lost by a fault of its own.
type trainer struct{ vendor, model, create string }

// trainers are those that train without a person.
func trainers() []trainer {
	return []trainer{
		{"azure", "azure/gpt-4.1-mini", "/fine_tuning/jobs$"},
		{"databricks", "databricks/databricks-meta-llama-3-1-8b-instruct", "/jobs/runs/submit$"},
		{"sagemaker", "sagemaker/jumpstart-llama-3-1-8b-instruct", "/CreateTrainingJob$"},
		{"vertex", "vertex/meta/llama-4-scout-17b-16e-instruct-maas", "/tuningJobs$"},
	}
}

// elsewhere tells whether a vendor is another than those of the load, Together and Groq: its own words for calls are not
// in what is read of the vendors' log.
func elsewhere(vendor string) bool {
	if vendor == "together" || vendor == "groq" {
		return false
	}
	return slices.ContainsFunc(boot.Vendors(), func(v providers.Vendor) bool { return v.Name == vendor })
}

// trainerFaults are a lost answer to the creation of a training at each trainer.
func trainerFaults() (list []fault) {
	for _, t := range trainers() {
		list = append(list, fault{"training at " + t.vendor + ": created, answer lost", nil, t.losing()})
	}
	return list
}

// losing requests a training, of whose creation the answer is lost.
func (t trainer) losing() injecting {
	script := fmt.Sprintf(`{"vendor":%q,"method":"POST","route":%q,"fault":"drop_after","times":1}`, t.vendor, t.create)
	return func(l *lab, ctx context.Context, _ *rand.Rand) error {
		if err := l.script(ctx, script); err != nil {
			return err
		}
		a := l.load.askOf("train", 0)
		a.model = t.model
		l.load.send(ctx, a)
		return nil
	}
}

// settingsOf leads a process to the emulators of the trainers.
func settingsOf(vendors string) (env []string) {
	for _, v := range boot.Vendors() {
		if !elsewhere(v.Name) {
			continue
		}
		for name, value := range v.Sandbox(vendors+"/"+v.Name, boot.SandboxKey) {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// lookElsewhere compares what the other trainers billed with our rows: each training that was billed is known by one.
func lookElsewhere(h *history, f *finding) {
	rows, billed := map[string]int{}, map[string]int{}
	known := map[string]bool{}
	for _, t := range h.trainings {
		if !elsewhere(t.Provider) || t.VendorID == "" {
			continue
		}
		f.see()
		if known[t.Provider+t.VendorID] {
			f.breaks(t.Job, "two rows know %s of %s", t.VendorID, t.Provider)
		}
		known[t.Provider+t.VendorID] = true
		rows[t.Provider]++
	}
	for _, p := range h.paid {
		if elsewhere(p.Vendor) && p.training() {
			billed[p.Vendor] += p.Calls
		}
	}
	for _, t := range trainers() {
		if billed[t.vendor] > rows[t.vendor] {
			f.breaks("", "%s billed %d trainings, %d rows know of one", t.vendor, billed[t.vendor], rows[t.vendor])
		}
		f.say("%d trainings at %s, %d billed", rows[t.vendor], t.vendor, billed[t.vendor])
	}
}
