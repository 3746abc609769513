package colab_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/colab"
	"dreamlab/store/blob"
	"dreamlab/tasks/notebook"
	"dreamlab/tasks/notebook/runs"
)

const base = "Qwen/Qwen3-8B"

// site is the trainer over a bucket, with a clock that tests drive.
type site struct {
	*testing.T
	trainer providers.Trainer
	board   notebook.Board
	now     time.Time
	number  int
}

func newSite(t *testing.T) *site {
	t.Helper()
	bucket, err := blob.Directory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, now: time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return s.now }
	s.board = notebook.Board{Bucket: bucket, Now: clock}
	driver, err := colab.Vendor.Open(providers.Config{
		Values: map[string]string{"COLAB_BASES": base}, Runs: runs.New(bucket, clock), Now: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.trainer = driver.(providers.Trains).Trainer()
	return s
}

func spec() providers.TrainSpec {
	return providers.TrainSpec{
		Base: base, Suffix: "dl-1", Tune: "tun_1", Object: "datasets/1/rows.jsonl", SHA256: strings.Repeat("a", 64),
		Epochs: 2, LearningRate: 1e-4, Rank: 8, Alpha: 16, Seed: 7,
	}
}

func (s *site) start() providers.Training {
	s.Helper()
	made, err := s.trainer.Start(s.Context(), spec())
	if err != nil || made.State != providers.TrainingQueued {
		s.Fatalf("started %+v, %v", made, err)
	}
	return made
}

// tell is a signed message of the run's session.
func (s *site) tell(run, body string) {
	s.Helper()
	r, err := s.board.Run(s.Context(), run)
	if err != nil {
		s.Fatal(err)
	}
	s.number++
	at, number, sum := strconv.FormatInt(s.now.Unix(), 10), strconv.Itoa(s.number), sha256.Sum256([]byte(body))
	key, err := hex.DecodeString(r.Key)
	if err != nil {
		s.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(at + "\n" + number + "\n" + hex.EncodeToString(sum[:])))
	_, err = s.board.Receive(s.Context(), r, notebook.Sealed{
		Timestamp: at, Sequence: number, Signature: hex.EncodeToString(mac.Sum(nil)), Body: []byte(body),
	})
	if err != nil {
		s.Fatalf("%s: %v", body, err)
	}
}

// put leaves a file and returns how a message tells of it.
func (s *site) put(run, name string, content []byte) string {
	s.Helper()
	r, err := s.board.Run(s.Context(), run)
	if err == nil {
		err = s.board.Put(s.Context(), r, name, bytes.NewReader(content))
	}
	if err != nil {
		s.Fatal(err)
	}
	sum := sha256.Sum256(content)
	return fmt.Sprintf(`{"name":%q,"sha256":"%x","bytes":%d}`, name, sum, len(content))
}

// poll looks, some time later.
func (s *site) poll(made providers.Training, after time.Duration, want providers.TrainingState, status string) providers.Training {
	s.Helper()
	s.now = s.now.Add(after)
	seen, err := s.trainer.Poll(s.Context(), made.Handle)
	if err != nil || seen.State != want || seen.Status != status || seen.ID != made.ID {
		s.Fatalf("after %v: %+v, %v; want %s, %s", after, seen, err, want, status)
	}
	return seen
}

// A training waits for its sessions for days, outlives the end of one, and has succeeded when the
// adapter is whole.
func TestTrainingWaitsForItsSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	made := s.start()
	s.poll(made, 6*24*time.Hour, providers.TrainingQueued, "waiting")
	s.tell(made.ID, `{"kind":"started"}`)
	s.tell(made.ID, `{"kind":"heartbeat","step":3,"total":10,"loss":0.5}`)
	if seen := s.poll(made, time.Minute, providers.TrainingRunning, "running"); seen.Steps != 3 || seen.Total != 10 {
		t.Errorf("seen %+v", seen)
	}
	name := "checkpoint-4-0123456789ab.tar"
	s.tell(made.ID, `{"kind":"checkpoint","step":4,"file":`+s.put(made.ID, name, []byte("state"))+`}`)
	s.poll(made, 31*time.Minute, providers.TrainingRunning, "interrupted")
	s.wantEvents(made, "started", "heartbeat", "checkpoint", "interrupted")
	s.poll(made, 5*24*time.Hour, providers.TrainingRunning, "interrupted")
	s.tell(made.ID, `{"kind":"started","resumed":4}`)
	s.tell(made.ID, `{"kind":"paused","step":7}`)
	s.poll(made, 24*time.Hour, providers.TrainingRunning, "paused")
	s.end(made)
	seen := s.poll(made, 30*24*time.Hour, providers.TrainingSucceeded, "ended")
	if seen.Nano != 0 || seen.Output == "" || !seen.Finished.After(seen.Created) {
		t.Errorf("seen %+v", seen)
	}
	s.wantAdapter(made)
}

// end leaves an adapter and tells so.
func (s *site) end(made providers.Training) {
	s.Helper()
	header := `{"__metadata__":{"format":"pt"}}`
	weights := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	s.tell(made.ID, `{"kind":"end","step":10,"revision":"a1b2","files":[`+
		s.put(made.ID, "adapter_model.safetensors", weights)+","+s.put(made.ID, "adapter_config.json", []byte("{}"))+`]}`)
}

func (s *site) wantEvents(made providers.Training, want ...string) {
	s.Helper()
	events, err := s.trainer.(providers.Logger).Events(s.Context(), made.Handle)
	var got []string
	for _, e := range events {
		got = append(got, e.Type)
		if e.Message == "" || e.Created.IsZero() {
			s.Errorf("event %+v", e)
		}
	}
	if err != nil || !slices.Equal(got, want) {
		s.Errorf("events %v, %v; want %v", got, err, want)
	}
}

func (s *site) wantAdapter(made providers.Training) {
	s.Helper()
	files, err := s.trainer.(providers.Exporter).Adapter(s.Context(), made.Handle)
	if err != nil || len(files) != 2 || files[0].Name != "adapter_model.safetensors" || files[0].SHA256 == "" {
		s.Fatalf("files %+v, %v", files, err)
	}
	for _, f := range files {
		if o, err := s.board.Bucket.Stat(s.Context(), f.Object); err != nil || o.Size != f.Bytes {
			s.Errorf("%s: %+v, %v", f.Object, o, err)
		}
	}
	saved, err := s.trainer.(providers.Logger).Checkpoints(s.Context(), made.Handle)
	if err != nil || len(saved) != 2 || !saved[1].Final || saved[0].Step != 4 {
		s.Errorf("checkpoints %+v, %v", saved, err)
	}
}

// A training that no session reports for a week fails.
func TestAbandonedTrainingFails(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	made := s.start()
	s.tell(made.ID, `{"kind":"started"}`)
	seen := s.poll(made, 7*24*time.Hour+time.Second, providers.TrainingFailed, "abandoned")
	if !strings.Contains(seen.Reason, "start another tune") {
		t.Errorf("the reason is %q", seen.Reason)
	}
}

// A cancelled training has ended, whatever its session still tells, unless the adapter had come.
func TestCancelledTraining(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	made := s.start()
	s.tell(made.ID, `{"kind":"started"}`)
	for range 2 {
		if seen, err := s.trainer.Cancel(t.Context(), made.Handle); err != nil || seen.State != providers.TrainingCancelled {
			t.Fatalf("cancelled %+v, %v", seen, err)
		}
	}
	s.tell(made.ID, `{"kind":"stopped","step":2}`)
	s.poll(made, time.Minute, providers.TrainingCancelled, "cancelled")
	s.end(made)
	if seen, err := s.trainer.Cancel(t.Context(), made.Handle); err != nil || seen.State != providers.TrainingSucceeded {
		t.Errorf("cancelled behind its end: %+v, %v", seen, err)
	}
}

// A spec has one run, however often it is started and whoever looks for it.
func TestStartedOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if _, found, err := s.trainer.Find(t.Context(), spec(), time.Time{}); found || err != nil {
		t.Errorf("found %v, %v before it was started", found, err)
	}
	made := s.start()
	s.now = s.now.Add(time.Hour)
	if again := s.start(); again.ID != made.ID || !again.Created.Equal(made.Created) {
		t.Errorf("started again: %+v", again)
	}
	found, ok, err := s.trainer.Find(t.Context(), spec(), made.Created)
	if err != nil || !ok || found.ID != made.ID {
		t.Errorf("found %v %+v, %v", ok, found, err)
	}
	if _, ok, err := s.trainer.Find(t.Context(), spec(), made.Created.Add(time.Second)); ok || err != nil {
		t.Errorf("an older one was adopted: %v", err)
	}
	other := spec()
	other.Tune = "tun_2"
	if _, ok, err := s.trainer.Find(t.Context(), other, time.Time{}); ok || err != nil {
		t.Errorf("another's was adopted: %v", err)
	}
}

// What can not be trained is refused, with the setting to mend.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	limits, err := s.trainer.Tunable(t.Context(), base)
	if err != nil || limits.MaxRank < 8 || limits.MaxEpochs < 1 || limits.MaxSequence < 1 {
		t.Errorf("limits %+v, %v", limits, err)
	}
	unknown, alone, bare := spec(), spec(), spec()
	unknown.Base, alone.Tune, bare.Epochs = "nobody/none", "", 0
	for want, given := range map[providers.Kind]providers.TrainSpec{providers.KindModelGone: unknown, providers.KindInvalid: alone} {
		if _, err := s.trainer.Start(t.Context(), given); providers.KindOf(err) != want {
			t.Errorf("%+v: %v", given, err)
		}
	}
	if _, err := s.trainer.Start(t.Context(), bare); providers.KindOf(err) != providers.KindInvalid {
		t.Errorf("no hyper-parameters: %v", err)
	}
	pairs := spec()
	pairs.Beta = 0.1
	if _, err := s.trainer.Start(t.Context(), pairs); limits.Pairs != nil || providers.KindOf(err) != providers.KindInvalid {
		t.Errorf("preference pairs: %v", err)
	}
	for _, handle := range []string{``, `{}`, `"x"`, `{"run":"../run.json"}`, `{"run":"run_000000000000"}`} {
		if _, err := s.trainer.Poll(t.Context(), providers.Handle(handle)); providers.KindOf(err) != providers.KindInvalid {
			t.Errorf("handle %s: %v", handle, err)
		}
	}
	for _, values := range []map[string]string{
		{}, {"COLAB_BASES": "qwen"}, {"COLAB_BASES": base, "COLAB_PATIENCE": "soon"}, {"COLAB_BASES": base, "COLAB_PATIENCE": "1m"},
	} {
		if _, err := colab.Vendor.Open(providers.Config{Values: values}); err == nil || !strings.Contains(err.Error(), "COLAB_") {
			t.Errorf("%v: %v", values, err)
		}
	}
}
