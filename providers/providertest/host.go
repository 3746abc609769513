package providertest

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
)

func (r *rig) host(t *testing.T) providers.Host {
	t.Helper()
	host, ok := r.driver.(providers.Host)
	if !ok {
		t.Fatal("the driver can not host")
	}
	return host
}

// tuned trains a model and returns what it takes to serve it.
func (r *rig) tuned(t *testing.T) providers.DeploySpec {
	t.Helper()
	file := r.uploaded(t, rows(40))
	created, err := r.trainer(t).Start(t.Context(), r.harness.spec(file.ID))
	if err != nil {
		t.Fatal(err)
	}
	training := r.ended(t, created)
	if training.State != providers.TrainingSucceeded {
		t.Fatalf("training %+v", training)
	}
	return providers.DeploySpec{Name: "tun_5B1F0c7a", Trained: training.Handle, Base: r.harness.Tuning.Base}
}

// until polls a deployment on the emulator's clock.
func (r *rig) until(t *testing.T, handle providers.Handle, want providers.DeploymentState) providers.Deployment {
	t.Helper()
	var now providers.Deployment
	for range hours {
		var err error
		if now, err = r.host(t).Deployment(t.Context(), handle); err != nil {
			t.Fatal(err)
		}
		if now.State == want {
			return now
		}
		r.advance(time.Minute)
	}
	t.Fatalf("the deployment is never %s: %+v", want, now)
	return now
}

// answers asks a served model for what it was taught.
func (r *rig) answers(t *testing.T, model string) error {
	t.Helper()
	req := r.request("Where does the heron nest, visitor 3?")
	req.Model = model
	reply, err := r.driver.Chat(t.Context(), req, nil)
	if err == nil && !strings.Contains(reply.Content, "heron") {
		t.Errorf("%s answers %q: the tuned weights do not", model, reply.Content)
	}
	return err
}

func (h Harness) host(t *testing.T) {
	r := h.rig(t)
	host := r.host(t)
	hosting, err := host.Hosting(t.Context(), h.Tuning.Base)
	if err != nil || hosting.NanoPerHour <= 0 && !hosting.PerToken || hosting.Hardware == "" {
		t.Fatalf("hosting %+v, %v", hosting, err)
	}
	_, err = host.Hosting(t.Context(), h.Tuning.Unhostable)
	wantKind(t, "a base that can not be served", err, providers.KindModelGone)
	spec := r.tuned(t)
	made, err := host.Deploy(t.Context(), spec)
	if err != nil || made.State != providers.DeploymentStarting || made.NanoPerHour > hosting.NanoPerHour {
		t.Fatalf("deployed %+v, %v", made, err)
	}
	if again, err := host.Deploy(t.Context(), spec); err != nil || !bytes.Equal(again.Handle, made.Handle) {
		t.Errorf("deployed again: %+v, %v", again, err)
	}
	if _, err := host.Hosting(t.Context(), h.Tuning.Base); err != nil {
		t.Errorf("a rehearsal beside a deployment: %v", err)
	}
	ready := r.until(t, made.Handle, providers.DeploymentReady)
	_, shared := host.(providers.Traffic)
	if ready.Direct != made.Direct || ready.Routed == "" || shared == (ready.Routed == ready.Direct) {
		t.Errorf("names %+v, before %+v", ready, made)
	}
	if err := r.answers(t, ready.Direct); err != nil {
		t.Errorf("directly: %v", err)
	}
	r.keep(t, ready, hosting)
	r.traffic(t, ready)
	r.stop(t, ready, spec)
}

// keep puts a deployment on the terms of service: it costs what was told, answers by the
// same name and stays.
func (r *rig) keep(t *testing.T, d providers.Deployment, hosting providers.Hosting) {
	t.Helper()
	if keeper, ok := r.host(t).(providers.Keeper); ok {
		for range 2 {
			kept, err := keeper.Keep(t.Context(), d.Handle)
			if err != nil || kept.Direct != d.Direct || !bytes.Equal(kept.Handle, d.Handle) {
				t.Fatalf("kept %+v, %v", kept, err)
			}
		}
		d = r.until(t, d.Handle, providers.DeploymentReady)
	}
	if d.NanoPerHour != hosting.NanoPerHour || d.PerToken != hosting.PerToken {
		t.Errorf("in service it is %+v, told was %+v", d, hosting)
	}
	r.advance(48 * time.Hour)
	if err := r.answers(t, d.Direct); err != nil {
		t.Errorf("after two days: %v", err)
	}
}

// traffic turns a deployment's traffic on and off.
func (r *rig) traffic(t *testing.T, d providers.Deployment) {
	t.Helper()
	host, ok := r.host(t).(providers.Traffic)
	if !ok {
		return
	}
	for _, on := range []bool{false, true, true, false} {
		if err := host.SetTraffic(t.Context(), d.Handle, on); err != nil {
			t.Fatal(err)
		}
		r.advance(time.Minute)
		if err := r.answers(t, d.Direct); err != nil {
			t.Errorf("directly: %v", err)
		}
		err := r.answers(t, d.Routed)
		if on && err != nil {
			t.Errorf("with traffic: %v", err)
		}
		if !on && !providers.KindOf(err).FailsOver() {
			t.Errorf("without traffic: got %v, want what another target cures", err)
		}
	}
}

// stop stops a deployment, starts it once more, and clears up.
func (r *rig) stop(t *testing.T, d providers.Deployment, spec providers.DeploySpec) {
	t.Helper()
	host := r.host(t)
	if traffic, ok := host.(providers.Traffic); ok {
		if err := traffic.SetTraffic(t.Context(), d.Handle, true); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := host.Stop(t.Context(), d.Handle); err != nil {
		t.Fatal(err)
	}
	r.until(t, d.Handle, providers.DeploymentStopped)
	restarted, err := host.Deploy(t.Context(), spec)
	if err != nil || !bytes.Equal(restarted.Handle, d.Handle) || restarted.Direct != d.Direct {
		t.Fatalf("started again: %+v, %v", restarted, err)
	}
	r.until(t, d.Handle, providers.DeploymentReady)
	for range 2 {
		if _, err := host.Stop(t.Context(), d.Handle); err != nil {
			t.Fatal(err)
		}
	}
	r.until(t, d.Handle, providers.DeploymentStopped)
	for range 2 { // clears up, and finds nothing left
		if gone, err := host.Stop(t.Context(), d.Handle); err != nil || gone.State != providers.DeploymentStopped {
			t.Fatalf("stopped %+v, %v", gone, err)
		}
	}
	left, err := host.Deployment(t.Context(), d.Handle)
	if err != nil || left.State != providers.DeploymentStopped {
		t.Errorf("left %+v, %v", left, err)
	}
	for _, handle := range []string{``, `{}`, `"a/b/c"`, `[1]`} {
		_, err := host.Stop(t.Context(), providers.Handle(handle))
		wantKind(t, "handle "+handle, err, providers.KindInvalid)
	}
}

// hostLost loses each answer of a deployment in turn: repeating it adopts what
// was made.
func (h Harness) hostLost(t *testing.T) {
	r := h.rig(t)
	host, spec := r.host(t), r.tuned(t)
	made := 0
	deploys := h.Tuning.Deploys
	for i, step := range deploys {
		r.during(lost(step), func() {
			_, err := host.Deploy(t.Context(), spec)
			if e := asError(t, err); e.Charge != providers.ChargeUnknown {
				t.Errorf("request %d: got %v charged %s, want unknown", i, e, e.Charge)
			}
		})
	}
	count := func(_ http.ResponseWriter, req *http.Request, _ http.Handler) bool {
		if deploys[len(deploys)-1](req) {
			made++
		}
		return false
	}
	r.during(count, func() {
		if _, err := host.Deploy(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	})
	if made != 0 {
		t.Error("a second deployment was made")
	}
}
