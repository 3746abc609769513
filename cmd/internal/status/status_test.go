package status

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// A version is short, for it stands in the name of each worker.
func TestVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"v1.4.0": "v1.4.0", "v0.0.0-20261129194112-89863c4a1b2c": "89863c4", "v1.4.1-0.20261129194112-89863c4a1b2c+dirty": "89863c4",
		"(devel)": "devel", "": "devel",
	} {
		if got := short(version); got != want {
			t.Errorf("%s is %s, want %s", version, got, want)
		}
	}
}

// A worker's name tells its process and its version; those of other programs tell none.
func TestNamesOfWorkers(t *testing.T) {
	t.Parallel()
	name, err := NameWorker()
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if w := (Worker{Worker: name}); err != nil || w.Version() != Version() || !strings.HasPrefix(w.Process(), host+"/") {
		t.Errorf("%s is version %q of %q: %v", name, w.Version(), w.Process(), err)
	}
	if w := (Worker{Worker: "host/1"}); w.Version() != "" || w.Process() != "host/1" {
		t.Errorf("host/1 is version %q of %q", w.Version(), w.Process())
	}
	if own, err := process(); err != nil || (Worker{Worker: own}).Version() != Version() {
		t.Errorf("an idle worker of this process, %s, tells no version: %v", own, err)
	}
	if w := (Worker{Worker: "host"}); w.Version() != "" || w.Process() != "host" {
		t.Errorf("host is version %q of %q", w.Version(), w.Process())
	}
}

// Workers that hold a job are not listed twice.
func TestIdleWorkers(t *testing.T) {
	t.Parallel()
	w := &Work{Workers: []Worker{{Worker: "host/1/v1/a", Lane: "chat", Jobs: 2}}}
	w.AddIdle([]Serving{{"host/1", "chat"}, {"host/1", "dream"}, {"host/11", "chat"}}, nil)
	if len(w.Workers) != 3 || w.Workers[1] != (Worker{Worker: "host/1", Lane: "dream"}) || w.Workers[2].Worker != "host/11" {
		t.Errorf("%+v", w.Workers)
	}
	w.AddIdle(nil, errors.New("the queue is away"))
	if w.Unseen != "the queue is away" {
		t.Errorf("it is unseen because %q", w.Unseen)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	if n := (Examination{Findings: []Finding{{OK: true}, {}, {}}}).Faults(); n != 2 {
		t.Errorf("%d faults", n)
	}
}
