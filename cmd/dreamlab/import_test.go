package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dreamlab/cmd/internal/client"
)

const pair = `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`

func TestImportsOfEveryKind(t *testing.T) {
	t.Parallel()
	env := running(t)
	sums := writeFile(t, "sums.jsonl", `{"question":"What is 2 and 3?","answer":"2+3=5\n#### 5"}`+"\n\n"+
		`{"question":"What is 2 and 4?","answer":"2+4=6\n#### 6"}`+"\n")
	asked := writeFile(t, "asked.jsonl", `{"question_id":81,"turns":["Hello","Thank you"]}`)
	got := invoke(t, env, "import", "--wait", "--json", "sample/conversations.jsonl", sums, asked)
	var printed struct{ Files []imported }
	if err := json.Unmarshal([]byte(got.out), &printed); err != nil || len(printed.Files) != 3 || got.code != exitOK {
		t.Fatalf("import: %v %+v", err, got)
	}
	if f := printed.Files[0]; f.Result == nil || f.Result.Accepted < 200 || len(f.Result.Rejected) != 0 {
		t.Errorf("conversations: %+v", f)
	}
	if f := printed.Files[1]; f.Result == nil || f.Result.Accepted != 2 {
		t.Errorf("questions: %+v", f)
	}
	if f := printed.Files[2]; f.Asked != 2 {
		t.Errorf("turns: %+v", f)
	}
	again := invoke(t, env, "import", "--wait", sums)
	if again.code != exitOK || !strings.Contains(again.out, "0 accepted, 2 known already, 0 rejected") {
		t.Errorf("again: %+v", again)
	}
	left := invoke(t, env, "import", sums)
	if left.code != exitOK || !strings.Contains(left.out, "GET /v1/jobs/job_") {
		t.Errorf("without --wait: %+v", left)
	}
}

// A row that can not be taken is named by its place in the file and loses no other.
func TestImportNamesBadRows(t *testing.T) {
	t.Parallel()
	env := running(t)
	long := `{"messages":[{"role":"user","content":"` + strings.Repeat("x", 4<<20) + `"}]}`
	cases := map[string]struct{ text, out, errs string }{
		"lines": {"\ufeff\r\n{oops\r\n" + pair + "\r\n7\n" + long + "\n{}\n",
			"1 accepted, 0 known already, 4 rejected", "line 2: |line 4: |line 5: it is longer|line 6: messages"},
		"array": {"\ufeff [" + strings.Replace(pair, `"a"`, "\n\"c\"", 1) + ",\n{\"a\n\":,},7]",
			"1 accepted, 0 known already, 2 rejected", "line 2: it is not JSON|line 3: it is a number: it has to be an object"},
		"another's": {`[{"uuid":"x","chat_messages":[]},{"instruction":"Name a colour.","input":"","output":"Blue."}]`,
			"1 accepted, 0 known already, 1 rejected", "line 1: this is Claude's export"},
		"all too long": {long, "0 turns asked, 1 rejected", "line 1: it is longer"},
		"turns":        {`{"turns":["Hello"]}` + "\n\n" + pair + "\nx", "1 turn asked, 2 rejected", "line 3: it has no turns|line 4: "},
		"mixed": {`{"question":"a?","answer":"b!"}` + "\n" + `{"turns":["Hello"]}`,
			"1 accepted, 0 known already, 1 rejected", "line 2: these are turns"},
	}
	for name, tc := range cases {
		got := invoke(t, env, "import", "--wait", writeFile(t, "rows.jsonl", tc.text))
		if got.code != exitFailed || !strings.Contains(got.out, tc.out) || !strings.Contains(got.errs, "rejected") {
			t.Errorf("%s: code %d, %s %s", name, got.code, got.out, got.errs)
		}
		for want := range strings.SplitSeq(tc.errs, "|") {
			if !strings.Contains(got.errs, "  "+want) {
				t.Errorf("%s: %q is not told: %s", name, want, got.errs)
			}
		}
	}
}

func TestImportFaults(t *testing.T) {
	t.Parallel()
	env := running(t)
	for want, text := range map[string]string{"it holds no row": " \n\n", "UTF-16": "\xff\xfe{\x00}\x00"} {
		got := invoke(t, env, "import", writeFile(t, "rows.jsonl", text))
		if got.code != exitFailed || !strings.Contains(got.errs, want) {
			t.Errorf("%q: %+v", text, got)
		}
	}
	if got := invoke(t, env, "import", "nowhere.jsonl"); got.code != exitFailed {
		t.Errorf("a file that is not there: %+v", got)
	}
}

// What the API gives out is taken back from the standard input, and known again.
func TestImportTakesOurOwnExport(t *testing.T) {
	t.Parallel()
	env := running(t)
	key := readKey(t, env)
	if got := invoke(t, env, "import", "--wait", writeFile(t, "rows.jsonl", pair)); got.code != exitOK {
		t.Fatalf("import: %+v", got)
	}
	_, page := fetch(t, http.MethodGet, addressOf(t, env)+"/v1/experiences", key, "")
	var listed struct{ Data json.RawMessage }
	if err := json.Unmarshal(page, &listed); err != nil {
		t.Fatal(err)
	}
	out, errs := newScreen(), newScreen()
	sh := shell{in: strings.NewReader(string(listed.Data)), out: out, errs: errs, lookup: variables(running(t))}
	code := run(t.Context(), sh, []string{"import", "--wait", "-"})
	if code != exitOK || !strings.Contains(out.String(), "-: 1 accepted") {
		t.Errorf("code %d, %s%s", code, out, errs)
	}
}

// turnsServer answers chats, and stops the verb at the third.
func turnsServer(t *testing.T, stop context.CancelFunc) (env map[string]string, keys func() []string) {
	t.Helper()
	var mu sync.Mutex
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil { // or the end of the client is not seen
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Header.Get("Idempotency-Key"))
		if len(seen) == 3 {
			stop()
			<-r.Context().Done()
			return
		}
		_, err := io.WriteString(w, `{"choices":[{"message":{"content":"ok"}}],"dreamlab":{}}`)
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return map[string]string{"DREAMLAB_URL": server.URL, "DREAMLAB_KEY": "dl-x"}, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

// A file of turns that was interrupted says how far it came, and asks what it asked
// before under the same keys.
func TestTurnsAreAskedOnce(t *testing.T) {
	t.Parallel()
	name := writeFile(t, "turns.jsonl", `{"turns":["Hello"]}`+"\n"+`{"turns":["Hello"]}`+"\n"+`{"turns":["Bye"]}`)
	ctx, stop := context.WithCancel(t.Context())
	env, keys := turnsServer(t, stop)
	out, errs := newScreen(), newScreen()
	sh := shell{in: strings.NewReader(""), out: out, errs: errs, lookup: variables(env)}
	code := run(ctx, sh, []string{"import", name})
	told := strings.Contains(errs.String(), "2 turns asked, then row 3") &&
		strings.Contains(errs.String(), "is not asked again within a day")
	if code != exitInterrupted || !told {
		t.Errorf("code %d, %s", code, errs)
	}
	if got := invoke(t, env, "import", name); got.code != exitOK || !strings.Contains(got.out, "3 turns asked, 0 rejected") {
		t.Errorf("again: %+v", got)
	}
	all := keys()
	if len(all) != 6 || all[0] == all[1] || all[0] != all[3] || all[1] != all[4] || all[2] != all[5] {
		t.Errorf("the keys are %q", all)
	}
}

// readKey returns the key of the `up` of an environment.
func readKey(t *testing.T, env map[string]string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(env["DREAMLAB_DATA"], "admin.key"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// TestImportSaysWhatIsLeftOut shows the fields and turns that an import dropped.
func TestImportSaysWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	for want, result := range map[string]client.ImportResult{
		"": {},
		" (1 field without meaning here left out)": {Dropped: 1},
		" (2 fields without meaning here left out) (3 oldest turns of too long conversations left out)": {
			Dropped: 2, DroppedTurns: 3},
	} {
		if got := droppedOf(&result); got != want {
			t.Errorf("%+v: %q, want %q", result, got, want)
		}
	}
}
