package experience_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"dreamlab/handlers"
	"dreamlab/handlers/experience"
	"dreamlab/handlers/handlertest"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const object = "imports/test.ndjson"

// eachStore runs a test in fresh surroundings over every database.
func eachStore(t *testing.T, run func(t *testing.T, b *handlertest.Bench)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := handlertest.New(t)
		b.Store, b.Tenant = s, "ten_1"
		run(t, b)
	})
}

func row(id string, n int) string {
	return fmt.Sprintf(`{"conversation_id":%q,"messages":[{"role":"user","content":"q%d"},{"role":"assistant","content":"a%d"}]}`,
		id, n, n)
}

func start(t testing.TB, b *handlertest.Bench, lines string) *tasks.Run {
	t.Helper()
	b.Put(t, object, []byte(lines))
	return b.Claim(t, job.NewJob{Kind: string(tasks.ExperienceImport)}, tasks.ImportInput{Object: object})
}

func finish(t testing.TB, b *handlertest.Bench, run *tasks.Run, bucket blob.Bucket) tasks.ImportResult {
	t.Helper()
	end, err := experience.Import(bucket)(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	var result tasks.ImportResult
	if err := json.Unmarshal(b.Finish(t, run, end).Result, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

// TestExportKeepsItsAlias imports rows as GET /v1/experiences shows them, and rows of
// others that have a field of that name.
func TestExportKeepsItsAlias(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, b *handlertest.Bench) {
		const said = `"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}`
		want := map[string]string{"own": "fast", "odd": learn.DefaultAlias, "other": learn.DefaultAlias}
		result := finish(t, b, start(t, b, strings.Join([]string{
			`{"object":"experience","conversation_id":"own","alias":"fast",` + said,
			`{"object":"experience","conversation_id":"odd","alias":7,` + said,
			`{"conversation_id":"other","alias":"Jim",` + said,
		}, "\n")), b.Bucket)
		if result.Accepted != 3 || len(result.Rejected) != 0 {
			t.Fatalf("result %+v", result)
		}
		all, _, err := b.Store.Experiences(t.Context(), b.Tenant, learn.ExperienceFilter{}, db.Page{Limit: 5})
		if err != nil || len(all) != 3 {
			t.Fatalf("%d experiences, %v", len(all), err)
		}
		for _, e := range all {
			if e.Alias != want[e.External] {
				t.Errorf("%s has the alias %q, want %q", e.External, e.Alias, want[e.External])
			}
		}
	})
}

func TestGoodLinesAreKeptBadOnesNamed(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, b *handlertest.Bench) {
		long := `{"messages":[{"role":"user","content":"` + strings.Repeat("x", tasks.MaxLine) + `"}]}`
		lines := strings.Join([]string{
			row("a", 1), "{not json", "", row("a", 1), row("b", 1), row("", 1), row("", 2), row("", 2),
			`{"messages":[{"role":"user","content":"q"}]}`, long, row("c", 3) + "\r",
			`{"messages":[]}`, "\xff", row("d", 4),
		}, "\n")
		result := finish(t, b, start(t, b, lines), b.Bucket)
		var bad []int64
		for _, r := range result.Rejected {
			bad = append(bad, r.Line)
			if r.Reason == "" || len(r.Reason) > 300 {
				t.Errorf("line %d: %q", r.Line, r.Reason)
			}
		}
		// a, b, the second text without an id, c, d; again: a, the first without an id, the second.
		if result.Accepted != 5 || result.Duplicates != 3 || fmt.Sprint(bad) != "[2 9 10 12 13]" {
			t.Errorf("accepted %d, duplicates %d, rejected %v", result.Accepted, result.Duplicates, bad)
		}
		if _, err := b.Bucket.Stat(t.Context(), object); !errors.Is(err, db.ErrNotFound) {
			t.Errorf("the lines that were read are still kept: %v", err)
		}
	})
}

// Text as Windows writes it, a JSON array in place of lines, and members that say
// nothing are read.
func TestTextOfOthersIsRead(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text string
		want string // accepted, dropped and the rejected lines
	}{
		"a mark and CRLF":  {"\ufeff" + row("a", 1) + "\r\n\r\n" + row("b", 2) + "\r\n", "2 0 []"},
		"an array":         {" [" + row("a", 1) + ",\n7, " + row("b", 2) + "]", "2 0 [2]"},
		"an array, marked": {"\ufeff[\r\n" + row("a", 1) + "\r\n]", "1 0 []"},
		"a broken item":    {"[" + row("a", 1) + ",{oops}," + row("b", 2), "2 0 [2]"},
		"more members":     {`{"id":"x","created_at":1,` + row("a", 1)[1:], "1 2 []"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := handlertest.New(t)
			result := finish(t, b, start(t, b, tc.text), b.Bucket)
			bad := []int64{}
			for _, r := range result.Rejected {
				bad = append(bad, r.Line)
			}
			if got := fmt.Sprint(result.Accepted, result.Dropped, bad); got != tc.want {
				t.Errorf("%s, want %s: %+v", got, tc.want, result)
			}
		})
	}
}

// TestOriginComesBack keeps what GET /v1/experiences says of an answer, so that what
// was made of our own answers is not trained on after a move to another database.
func TestOriginComesBack(t *testing.T) {
	t.Parallel()
	for members, want := range map[string]string{ // origin, finish reason, dropped members
		`"origin":"memory","finish_reason":"stop"`:  "memory stop 0",
		`"origin":"cache","finish_reason":null`:     "cache  0",
		`"origin":"dream","finish_reason":"length"`: "dream length 0",
		`"origin":"live","finish_reason":"length"`:  "import length 1",
		`"origin":"import"`:                         "import  1",
		`"origin":{"url":"x"},"finish_reason":7`:    "import  2",
	} {
		b := handlertest.New(t)
		result := finish(t, b, start(t, b, "{"+members+","+row("a", 1)[1:]), b.Bucket)
		kept, _, err := b.Store.Experiences(t.Context(), b.Tenant, learn.ExperienceFilter{}, db.Page{Limit: 2})
		if err != nil || len(kept) != 1 {
			t.Fatalf("%s: kept %d, %v", members, len(kept), err)
		}
		if got := fmt.Sprint(kept[0].Origin, " ", kept[0].Finish, " ", result.Dropped); got != want {
			t.Errorf("%s: got %q, want %q", members, got, want)
		}
	}
}

// Every turn of a conversation is kept, in one conversation, and known again; what the
// row says of its answer is said of the last.
func TestEveryTurnIsKept(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, b *handlertest.Bench) {
		turns := `{"messages":[{"role":"user","content":"one?"},{"role":"assistant","content":"one"},` +
			`{"role":"user","content":"two?"},{"role":"assistant","content":"two"}],"feedback":{"rating":1}}`
		for range 2 {
			result := finish(t, b, start(t, b, turns+"\n"+turns), b.Bucket)
			if result.Accepted+result.Duplicates != 4 || len(result.Rejected) != 0 {
				t.Errorf("got %+v", result)
			}
		}
		kept, _, err := b.Store.Experiences(t.Context(), b.Tenant, learn.ExperienceFilter{}, db.Page{Limit: 5})
		if err != nil || len(kept) != 2 || kept[0].Conversation != kept[1].Conversation {
			t.Fatalf("kept %+v, %v", kept, err)
		}
		for _, e := range kept {
			if last := strings.Contains(string(e.Answer), "two"); last != (e.Rating != nil) {
				t.Errorf("%s is rated %v", e.Answer, e.Rating)
			}
		}
	})
}

func TestUTF16IsRefused(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	_, err := experience.Import(b.Bucket)(t.Context(), start(t, b, "\xff\xfe{\x00}\x00"))
	var failure *tasks.Failure
	if !errors.As(err, &failure) || !failure.Final || !strings.Contains(failure.Message, "UTF-8") {
		t.Errorf("got %v", err)
	}
}

// TestKnownLinesBringJudgements imports what is known with a reference and feedback:
// they are kept with it, and counted where they are new.
func TestKnownLinesBringJudgements(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, b *handlertest.Bench) {
		with := func(line, more string) string { return strings.TrimSuffix(line, "}") + "," + more + "}" }
		finish(t, b, start(t, b, row("a", 1)+"\n"+row("", 2)+"\n"+row("c", 3)), b.Bucket)
		judged := strings.Join([]string{
			with(row("a", 1), `"feedback":{"rating":-1,"correction":"better"}`),
			with(row("", 2), `"reference":"42"`), row("c", 3),
			with(row("d", 4), `"reference":"first"`), with(row("d", 4), `"reference":"second"`),
		}, "\n")
		for i, merged := range []int64{3, 1} { // the last line's reference replaces the one before each time
			result := finish(t, b, start(t, b, judged), b.Bucket)
			if i == 0 && (result.Accepted != 1 || result.Duplicates != 4) || result.Merged < merged {
				t.Errorf("the %d. time: %+v", i+1, result)
			}
		}
		found := map[string]learn.Experience{}
		all, _, err := b.Store.Experiences(t.Context(), b.Tenant, learn.ExperienceFilter{}, db.Page{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			found[string(e.Answer)] = e
		}
		answer := func(n int) learn.Experience { return found[fmt.Sprintf(`{"role":"assistant","content":"a%d"}`, n)] }
		if e := answer(1); e.Rating == nil || *e.Rating != -1 || e.Correction != "better" {
			t.Errorf("the first is %+v", e)
		}
		if answer(2).Reference != "42" || answer(3).Rating != nil || answer(4).Reference != "second" {
			t.Errorf("the others are %+v, %+v, %+v", answer(2), answer(3), answer(4))
		}
	})
}

func TestManyBadLinesAreCounted(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	result := finish(t, b, start(t, b, strings.Repeat("x\n", 1203)), b.Bucket)
	if len(result.Rejected) != 100 || result.More != 1103 || result.Rejected[99].Line != 100 {
		t.Errorf("%d listed, %d more", len(result.Rejected), result.More)
	}
}

// TestSameFileAtOnce imports the same lines by two jobs at once, and a third time.
func TestSameFileAtOnce(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, b *handlertest.Bench) {
		var lines strings.Builder
		for i := range 1100 {
			lines.WriteString(row([]string{"", fmt.Sprint("c", i/5)}[i%2], i) + "\n")
		}
		results := make([]tasks.ImportResult, 2)
		var all sync.WaitGroup
		for i := range results {
			name := fmt.Sprintf("imports/%d.ndjson", i)
			b.Put(t, name, []byte(lines.String()))
			run := b.Claim(t, job.NewJob{Kind: string(tasks.ExperienceImport)}, tasks.ImportInput{Object: name})
			all.Go(func() {
				end, err := experience.Import(b.Bucket)(t.Context(), run)
				if err == nil {
					err = json.Unmarshal(end.Result, &results[i])
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		one, two := results[0], results[1]
		if one.Accepted+two.Accepted != 1100 || one.Duplicates+two.Duplicates != 1100 {
			t.Errorf("got %+v and %+v", one, two)
		}
		if third := finish(t, b, start(t, b, lines.String()), b.Bucket); third.Duplicates != 1100 {
			t.Errorf("then got %+v", third)
		}
	})
}

// breaking is a bucket whose objects break off after some bytes, once.
type breaking struct {
	blob.Bucket
	after int64
	broke bool
}

func (b *breaking) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	object, err := b.Bucket.Open(ctx, name)
	if err != nil || b.broke {
		return object, err
	}
	b.broke = true
	fault := io.MultiReader(io.LimitReader(object, b.after), errorReader{})
	return struct {
		io.Reader
		io.Closer
	}{fault, object}, nil
}

type errorReader struct{}

var errBroke = errors.New("the line went dead")

func (errorReader) Read([]byte) (int, error) { return 0, errBroke }

func TestImportGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, b *handlertest.Bench) {
		var lines bytes.Buffer
		for i := range 1300 {
			lines.WriteString(row(fmt.Sprint("c", i), i) + "\n")
			if i%100 == 0 {
				lines.WriteString("broken\n")
			}
		}
		run := start(t, b, lines.String())
		bucket := &breaking{Bucket: b.Bucket, after: int64(lines.Len()) * 3 / 4}
		if _, err := experience.Import(bucket)(t.Context(), run); !errors.Is(err, errBroke) {
			t.Fatalf("got %v", err)
		}
		if n, err := b.Store.FreshCount(t.Context(), b.Tenant, 2000); err != nil || n == 0 || n == 1300 {
			t.Fatalf("%d kept before it broke, %v", n, err)
		}
		result := finish(t, b, run, bucket)
		if result.Accepted != 1300 || result.Duplicates != 0 || len(result.Rejected) != 13 || result.Rejected[12].Line != 1214 {
			t.Errorf("got %+v", result)
		}
	})
}

func TestImportStopsWhenAsked(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	run := start(t, b, row("a", 1))
	ctx, cancel := context.WithCancelCause(t.Context())
	handler := experience.Import(stopping{b.Bucket, func() { cancel(tasks.ErrDraining) }})
	if _, err := handler(ctx, run); !errors.Is(err, tasks.ErrDraining) {
		t.Errorf("got %v", err)
	}
}

type stopping struct {
	blob.Bucket
	stop func()
}

func (s stopping) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	object, err := s.Bucket.Open(context.WithoutCancel(ctx), name)
	s.stop()
	return object, err
}

func TestLostObjectIsSaid(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	run := b.Claim(t, job.NewJob{Kind: string(tasks.ExperienceImport)}, tasks.ImportInput{Object: "imports/none.ndjson"})
	if _, err := experience.Import(b.Bucket)(t.Context(), run); !handlers.Failed(err, "not_found") {
		t.Errorf("got %v", err)
	}
}
