package show

import (
	"bytes"
	"encoding/json"
	"testing"
)

// jobs are two rows as the API gives them.
func jobs(t *testing.T) []Row {
	t.Helper()
	rows, err := NewRows([]json.RawMessage{
		json.RawMessage(`{"id":"job_1","status":"succeeded","created_at":0,"cost_usd":0.000000001,"error":null}`),
		json.RawMessage(`{"id":"job_22","status":"failed","created_at":86400,"cost_usd":1.5,` +
			`"error":{"code":"a,\"b\"\u001b[2J"},"models":["x","y"]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestForms(t *testing.T) {
	t.Parallel()
	whole := json.RawMessage(`{"data":[]}`)
	columns := Fields("id", "status", "created_at", "cost_usd", "error.code=why", "models")
	for name, tc := range map[string]struct {
		to   Sink
		want string
	}{
		"table": {Sink{Form: Table}, "" +
			"ID      STATUS     CREATED               COST USD     WHY             MODELS\n" +
			"job_1   succeeded  1970-01-01T00:00:00Z  0.000000001  -               -\n" +
			"job_22  failed     1970-01-02T00:00:00Z  1.5          a,\"b\"\\u001b[2J  x y\n"},
		"colour": {Sink{Form: Table, Colour: true}, "" +
			"\x1b[1mID\x1b[0m      \x1b[1mSTATUS\x1b[0m     \x1b[1mCREATED\x1b[0m               \x1b[1mCOST USD\x1b[0m     " +
			"\x1b[1mWHY\x1b[0m             \x1b[1mMODELS\x1b[0m\n" +
			"job_1   \x1b[32msucceeded\x1b[0m  1970-01-01T00:00:00Z  0.000000001  -               -\n" +
			"job_22  \x1b[31mfailed\x1b[0m     1970-01-02T00:00:00Z  1.5          a,\"b\"\\u001b[2J  x y\n"},
		"json": {Sink{Form: JSON}, "{\"data\":[]}\n"},
		"lines": {Sink{Form: Lines}, "" +
			`{"id":"job_1","status":"succeeded","created_at":0,"cost_usd":0.000000001,"error":null}` + "\n" +
			`{"id":"job_22","status":"failed","created_at":86400,"cost_usd":1.5,` +
			`"error":{"code":"a,\"b\"\u001b[2J"},"models":["x","y"]}` + "\n"},
		"csv": {Sink{Form: CSV}, "" +
			"id,status,created,cost_usd,why,models\n" +
			"job_1,succeeded,1970-01-01T00:00:00Z,0.000000001,,\n" +
			"job_22,failed,1970-01-02T00:00:00Z,1.5,\"a,\"\"b\"\"\\u001b[2J\",x y\n"},
	} {
		var out bytes.Buffer
		tc.to.Out = &out
		if err := Write(tc.to, whole, jobs(t), columns); err != nil || out.String() != tc.want {
			t.Errorf("%s: %v\n%q, want\n%q", name, err, out.String(), tc.want)
		}
	}
}
