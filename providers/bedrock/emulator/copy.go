package emulator

import (
	"net/http"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// entry is the imported model that answers for an ARN. The first one to ask starts a copy, and each begun
// window of a copy is billed.
func (is *imports) entry(id string, base *model.Model) (served entry, refused *lab.Failure) {
	refused = is.change(func(now time.Time) *lab.Failure {
		w, refused := is.find(id)
		if refused != nil || w.arn() != id {
			return refuse("The provided model identifier is invalid.")
		}
		if w.Up.IsZero() || !now.Before(w.Paid.Add(window)) {
			w.Up, w.Paid = now.Add(copyStarts), now.Add(copyStarts)
		}
		served = entry{ID: id, Context: 131_072, MaxOutput: 8_192, imported: true}
		return is.learn(w, base, &served.brain)
	})
	if refused != nil {
		return entry{}, refused
	}
	return served, is.bill(id)
}

// learn makes what a model knows, once. It is called with the lock held.
func (is *imports) learn(w *weights, base *model.Model, brain **model.Model) *lab.Failure {
	if is.brains[w.Model] == nil {
		pairs, err := is.rows(w.Asked.Data.S3.URI)
		if err != nil {
			return refuse("%v", err)
		}
		is.brains[w.Model] = base.Learn(pairs)
	}
	*brain = is.brains[w.Model]
	return nil
}

// bill pays the windows that have begun, or says that the copy is not up yet.
func (is *imports) bill(id string) *lab.Failure {
	return is.change(func(now time.Time) *lab.Failure {
		w, refused := is.find(id)
		switch {
		case refused != nil:
			return refused
		case now.Before(w.Up):
			return &lab.Failure{Status: http.StatusTooManyRequests, Type: "ModelNotReadyException",
				Message: "Model is not ready for inference. Please wait and try your request again."}
		}
		for !now.Before(w.Paid) {
			w.Paid = w.Paid.Add(window)
			is.lab.Pay(lab.Payment{Vendor: name, Model: "hosting:custom-model-unit", NanoUSD: copyUnits * unitMinute * 5})
		}
		return nil
	})
}
