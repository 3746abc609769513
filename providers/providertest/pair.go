package providertest

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"dreamlab/providers"
)

// pairs returns a file of preference pairs.
func pairs(n int) []byte {
	var file bytes.Buffer
	for i := range n {
		fmt.Fprintf(&file, `{"input":{"messages":[{"role":"user","content":"Where does the heron nest, visitor %d?"}]},`+
			`"preferred_output":[{"role":"assistant","content":%q}],`+
			`"non_preferred_output":[{"role":"assistant","content":"Herons do not nest."}]}`+"\n", i, trained)
	}
	return file.Bytes()
}

// trainPairs trains on preference pairs where the vendor says that it can. Where it can not the driver refuses:
// it must never train on the better answers alone.
func (h Harness) trainPairs(t *testing.T) {
	r := h.rig(t)
	trainer := r.trainer(t)
	limits, err := trainer.Tunable(t.Context(), h.Tuning.Base)
	if err != nil {
		t.Fatal(err)
	}
	file := r.uploaded(t, pairs(40))
	spec := h.spec(file.ID)
	spec.Beta = 0.1
	if limits.Pairs == nil {
		r.refusesPairs(t, "a trainer without preferences", spec)
		return
	}
	for _, beta := range []float64{-1, limits.Pairs.MinBeta / 2, limits.Pairs.MaxBeta * 2} {
		out := spec
		out.Beta = beta
		r.refusesPairs(t, fmt.Sprintf("a beta of %v", beta), out)
	}
	wrong := spec
	wrong.Beta = 0
	r.refusesPairs(t, "supervised training on pairs", wrong)
	wrong.File, wrong.Beta = r.uploaded(t, rows(40)).ID, 0.1
	r.refusesPairs(t, "preference training on conversations", wrong)
	if estimator, ok := trainer.(providers.Estimator); ok {
		checkEstimate(t, estimator, spec)
	}
	created, err := trainer.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if training := r.ended(t, created); training.State != providers.TrainingSucceeded || training.Output == "" {
		t.Errorf("training %+v", training)
	}
}

// refusesPairs fails the test where a training is started that must not be.
func (r *rig) refusesPairs(t *testing.T, what string, spec providers.TrainSpec) {
	t.Helper()
	_, err := r.trainer(t).Start(t.Context(), spec)
	wantKind(t, what, err, providers.KindInvalid)
	spec.Beta = 0 // it is found by its suffix
	if made, found, err := r.trainer(t).Find(t.Context(), spec, time.Time{}); found || err != nil {
		t.Errorf("%s: found %+v, %v", what, made, err)
	}
}
