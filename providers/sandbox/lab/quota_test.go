package lab_test

import (
	"testing"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/sandboxtest"
)

// A quota that is set outranks the one that an emulator begins with, and is set anew rather than twice.
func TestQuotas(t *testing.T) {
	t.Parallel()
	rig := sandboxtest.Start(t, acme, lab.Options{})
	if got := rig.Lab.Quotas.Of("acme", "anvils", 3); got != 3 {
		t.Errorf("it begins with %d", got)
	}
	rig.Do("PUT", "/_sandbox/quotas", `{"vendor":"acme","name":"anvils","value":7}`).Is(t, 200, "data.0.value", "7")
	rig.Do("PUT", "/_sandbox/quotas", `{"vendor":"acme","name":"anvils","value":0}`).Is(t, 200, "data.0.value", "0")
	rig.Do("GET", "/_sandbox/quotas", nil).Is(t, 200, "data.0.name", "anvils", "data.1.name", "")
	if got := rig.Lab.Quotas.Of("acme", "anvils", 3); got != 0 {
		t.Errorf("it is %d then", got)
	}
	if got := rig.Lab.Quotas.Of("other", "anvils", 3); got != 3 {
		t.Errorf("another vendor's is %d", got)
	}
	for _, body := range []string{`{"vendor":"acme","value":1}`, `{"vendor":"acme","name":"a","value":-1}`, `{"vendor":"acme","nome":"a"}`, `[`} {
		rig.Want(rig.Do("PUT", "/_sandbox/quotas", body), 400)
	}
}
