package forget_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/handlers/forget"
	"dreamlab/handlers/handlertest"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/redis"
	"dreamlab/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret, other = "When do you open on Sunday?", "Where are you?"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// scene is a conversation that was dreamt of, with all that it left.
type scene struct {
	*handlertest.Bench
	t          *testing.T
	experience learn.Experience
	chat       job.Job
	dream      learn.Dream
	bucket     *stubborn
}

// stubborn is a bucket that refuses to delete some objects, once each.
type stubborn struct {
	blob.Bucket
	refuses []string
}

var errStubborn = errors.New("the bucket does not answer")

func (b *stubborn) Delete(ctx context.Context, name string) error {
	if at := slices.Index(b.refuses, name); at >= 0 {
		b.refuses = slices.Delete(b.refuses, at, at+1)
		return errStubborn
	}
	return b.Bucket.Delete(ctx, name)
}

func newScene(t *testing.T, b *handlertest.Bench) *scene {
	s := &scene{Bench: b, t: t, bucket: &stubborn{Bucket: b.Bucket}}
	s.answer()
	s.beginDream()
	return s
}

func (s *scene) cache() *redis.Cache {
	return redis.NewCache(s.Queue.Client, redis.CacheOptions{TTL: time.Hour, MaxBytes: 1 << 20})
}

// answer has a chat be answered and recorded.
func (s *scene) answer() {
	s.t.Helper()
	asked := job.NewJob{Kind: string(tasks.ChatRun), Metadata: json.RawMessage(`{"note":"` + secret + `"}`)}
	run := s.Claim(s.t, asked, tasks.ChatInput{Conversation: "talk", Keep: true,
		Request: json.RawMessage(`{"messages":"` + secret + `"}`)})
	e := learn.Experience{ID: db.NewID("exp_"), Tenant: s.Tenant, External: "talk", Alias: "assistant",
		Origin: "live", Job: run.Job.ID, Prompt: []byte(`[{"role":"user","content":"` + secret + `"}]`),
		Answer: []byte(`{"role":"assistant","content":"Here."}`)}
	e.Seal()
	s.chat = s.Finish(s.t, run, &tasks.End{Result: []byte(`{"said":"` + secret + `"}`),
		Write: func(ctx context.Context, q *store.Queries) error { return q.AddExperience(ctx, e) }})
	if stored, err := s.cache().Put(s.t.Context(), "key", run.Job.ID, []byte(secret)); err != nil || !stored {
		s.t.Fatal(stored, err)
	}
	writer := s.Replies.Writer("chat", run.Job.ID, 1)
	must(s.t, writer.Data(s.t.Context(), []byte(secret)))
	var err error
	s.experience, err = s.Store.Experience(s.t.Context(), s.Tenant, e.ID)
	must(s.t, err)
}

// beginDream has a dream take the conversation.
func (s *scene) beginDream() {
	s.t.Helper()
	run := s.Claim(s.t, job.NewJob{Kind: string(tasks.DreamPlan), Subject: db.NewID("drm_")}, tasks.DreamInput{})
	s.dream = learn.Dream{ID: run.Job.Subject, Tenant: s.Tenant, Job: run.Job.ID, Stage: "slices"}
	must(s.t, s.Store.AddDream(s.t.Context(), s.dream))
	err := s.Store.Tx(s.t.Context(), db.Synced, func(q *store.Queries) error {
		_, err := q.SealBatch(s.t.Context(), s.Tenant, s.dream.ID, 10)
		return err
	})
	must(s.t, err)
	s.dream, err = s.Store.Dream(s.t.Context(), s.Tenant, s.dream.ID)
	must(s.t, err)
}

// endDream has the dream write its batch, lessons and memory, and end.
func (s *scene) endDream() {
	s.t.Helper()
	line := `{"id":"` + s.experience.ID + `","prompt":"` + secret + `"}` + "\n" + `{"id":"exp_other","prompt":"` + other + `"}` + "\n"
	s.Put(s.t, blob.DreamObject(s.Tenant, s.dream.Created.UTC().Format(time.DateOnly), s.dream.ID), []byte(line))
	s.Put(s.t, blob.ReflectionsObject(s.dream.ID), []byte(line))
	memory := learn.Memory{ID: learn.MemoryID(s.dream.ID), Tenant: s.Tenant, Dream: s.dream.ID, Lessons: []learn.Lesson{
		{Text: secret, Sources: []string{s.experience.ID}}, {Text: other, Sources: []string{"exp_other"}}}}
	memory.Object = blob.MemoryObject(s.Tenant, memory.ID)
	s.Put(s.t, memory.Object, []byte(memory.Markdown()))
	err := s.Store.Tx(s.t.Context(), db.Synced, func(q *store.Queries) error {
		return errors.Join(q.AddMemory(s.t.Context(), memory), q.AddReflection(s.t.Context(), learn.Reflection{
			ID: db.NewID("rfl_"), Tenant: s.Tenant, Dream: s.dream.ID, Lesson: secret,
			Sources: []string{s.experience.ID}}))
	})
	must(s.t, err)
	s.exec(`UPDATE jobs SET state = 'succeeded', phase = 'succeeded', finished = 1 WHERE id = $1`, s.dream.Job)
	s.exec(`UPDATE dreams SET finished = 1 WHERE id = $1`, s.dream.ID)
}

func (s *scene) exec(query string, args ...any) {
	s.t.Helper()
	_, err := s.Store.Driver().Exec(s.t.Context(), query, args...)
	must(s.t, err)
}

func rowOf(text string) string {
	return `{"messages":[{"role":"user","content":"` + text + `"},{"role":"assistant","content":"Here."}]}`
}

// pairOf is the row as a preference pair.
func pairOf(text string) string {
	return `{"input":{"messages":[{"role":"user","content":"` + text + `"}]},"preferred_output":[{"role":"assistant",` +
		`"content":"Here."}],"non_preferred_output":[{"role":"assistant","content":"There."}]}`
}

// freeze keeps an example of the conversation, and a dataset of it and another.
func (s *scene) freeze(tenant, name string, examples ...string) learn.Dataset {
	s.t.Helper()
	d := learn.Dataset{ID: db.NewID("ds_"), Tenant: tenant, Alias: name, SHA256: name, Rows: 2,
		Object: blob.DatasetObject(name)}
	err := s.Store.Tx(s.t.Context(), db.Synced, func(q *store.Queries) error {
		_, _, err := q.AddDataset(s.t.Context(), d, examples)
		return err
	})
	must(s.t, err)
	return d
}

func (s *scene) teach() (example string) {
	s.t.Helper()
	messages := strings.TrimSuffix(strings.TrimPrefix(rowOf(" "+secret+" "), `{"messages":`), "}")
	must(s.t, s.Store.AddExample(s.t.Context(), learn.Example{ID: "exm_secret", Tenant: s.Tenant, Alias: "assistant",
		Dream: s.dream.ID, Experience: s.experience.ID, Messages: []byte(messages), Verdict: "judged",
		Author: "recorded", Content: "c"}))
	return "exm_secret"
}

// begin claims a job that forgets the conversation.
func (s *scene) begin() *tasks.Run {
	s.t.Helper()
	return s.Claim(s.t, job.NewJob{Kind: string(tasks.ConversationForget)}, tasks.ForgetInput{Conversation: "talk"})
}

func (s *scene) round(run *tasks.Run) (*tasks.End, error) {
	return forget.Conversation(forget.Deps{Bucket: s.bucket, Replies: s.Replies, Cache: s.cache(), Vendors: s.Router})(s.t.Context(), run)
}

// holding names the objects of the bucket that hold one of the words.
func (s *scene) holding(words ...string) (names []string) {
	s.t.Helper()
	objects, err := s.Bucket.List(s.t.Context(), "", "", 1000)
	must(s.t, err)
	for _, o := range objects {
		reader, err := s.Bucket.Open(s.t.Context(), o.Name)
		must(s.t, err)
		content, err := io.ReadAll(reader)
		must(s.t, errors.Join(err, reader.Close()))
		if slices.ContainsFunc(words, func(word string) bool { return strings.Contains(string(content), word) }) {
			names = append(names, o.Name)
		}
	}
	return names
}

// rows names the places of the database that hold the secret.
func (s *scene) rows() (places []string) {
	s.t.Helper()
	for _, query := range []string{
		`SELECT 'jobs' FROM jobs WHERE input LIKE $1 OR result LIKE $1 OR metadata LIKE $1`,
		`SELECT 'effects' FROM effects WHERE response LIKE $1`,
		`SELECT 'experiences' FROM experiences WHERE prompt LIKE $1`, `SELECT 'examples' FROM examples WHERE messages LIKE $1`,
		`SELECT 'reflections' FROM reflections WHERE lesson LIKE $1`, `SELECT 'memories' FROM memories WHERE lessons LIKE $1`,
	} {
		must(s.t, s.Store.Words(s.t.Context(), &places, query, "%"+secret+"%"))
	}
	return places
}

// TestForgetLeavesNoWord forgets a conversation that a dream, a memory and two
// datasets hold, one of which keeps its object for another tenant. The bucket refuses
// one deletion: the rest is cleaned all the same, and the next attempt ends it.
func TestForgetLeavesNoWord(t *testing.T) {
	t.Parallel()
	handlertest.Each(t, func(t *testing.T, b *handlertest.Bench) {
		s := newScene(t, b)
		example := s.teach()
		for _, name := range []string{"a-shared", "b-own"} {
			s.Put(t, blob.DatasetObject(name), []byte(rowOf(secret)+"\n"+pairOf(secret)+"\n"+rowOf(other)+"\n"))
			s.freeze(s.Tenant, name, example)
		}
		theirs := s.freeze("ten_other", "a-shared")
		s.endDream()
		stuck := blob.MemoryObject(s.Tenant, learn.MemoryID(s.dream.ID))
		s.bucket.refuses = []string{stuck}
		run := s.begin()
		if _, err := s.round(run); !errors.Is(err, errStubborn) {
			t.Fatalf("the refusal was not told: %v", err)
		}
		if left := s.holding(secret, s.experience.ID); !slices.Equal(left, []string{theirs.Object, stuck}) {
			t.Errorf("after the refusal it is in %v", left)
		}
		end, err := s.round(run)
		must(t, err)
		job := s.Finish(t, run, end)
		s.check(job, theirs.Object)
		if left := s.holding(other); len(left) < 5 {
			t.Errorf("what stood beside it is left in %v alone", left)
		}
	})
}

// check looks everywhere once the job has ended.
func (s *scene) check(j job.Job, theirs ...string) {
	s.t.Helper()
	if j.State != job.StateSucceeded {
		s.t.Fatalf("the job is %s: %v", j.State, j.Error)
	}
	if left := s.holding(secret, s.experience.ID); !slices.Equal(left, theirs) {
		s.t.Errorf("it is still in %v", left)
	}
	if left := s.rows(); len(left) != 0 {
		s.t.Errorf("it is still in %v", left)
	}
	if value, err := s.cache().Get(s.t.Context(), "key"); !errors.Is(err, db.ErrNotFound) {
		s.t.Errorf("the cache holds %q, %v", value, err)
	}
	if shown, err := s.Replies.Shown(s.t.Context(), "chat", s.chat.ID); err != nil || shown != 0 {
		s.t.Errorf("its reply can still be read: %v", err)
	}
	var got tasks.Forgotten
	must(s.t, json.Unmarshal(j.Result, &got))
	if got.Experiences != 1 || got.Chats != 1 || !slices.Contains(got.Dreams, s.dream.ID) {
		s.t.Errorf("the result is %s", j.Result)
	}
	if n := len(s.effects(j.ID)); n != 0 {
		s.t.Errorf("%d effects of the job are left", n)
	}
}

func (s *scene) effects(job string) (steps []string) {
	s.t.Helper()
	must(s.t, s.Store.Words(s.t.Context(), &steps, `SELECT step FROM effects WHERE job = $1`, job))
	return steps
}

// TestForgetReachesARunningDream forgets what a dream has read and writes only
// afterwards: the job waits for the dream, and nothing comes back.
func TestForgetReachesARunningDream(t *testing.T) {
	t.Parallel()
	handlertest.Each(t, func(t *testing.T, b *handlertest.Bench) {
		s := newScene(t, b)
		run := s.begin()
		end, err := s.round(run)
		must(t, err)
		if end.State != job.StateWaiting || end.After != 5*time.Second {
			t.Fatalf("the job does not wait for the dream: %+v", end)
		}
		if left := s.rows(); len(left) != 0 {
			t.Errorf("while it waits it is in %v", left)
		}
		s.endDream()
		end, err = s.round(run)
		must(t, err)
		s.check(s.Finish(t, run, end))
	})
}

// TestForgetDropsAMemoryThatNoRowStandsFor cleans up after a dream that failed
// between its file and its row.
func TestForgetDropsAMemoryThatNoRowStandsFor(t *testing.T) {
	t.Parallel()
	s := newScene(t, handlertest.New(t))
	s.endDream()
	s.exec(`DELETE FROM memories`)
	run := s.begin()
	end, err := s.round(run)
	must(t, err)
	s.check(s.Finish(t, run, end))
}

// TestForgetWhatIsGone ends at once: another job saw to it.
func TestForgetWhatIsGone(t *testing.T) {
	t.Parallel()
	s := newScene(t, handlertest.New(t))
	run := s.Claim(t, job.NewJob{Kind: string(tasks.ConversationForget)}, tasks.ForgetInput{Conversation: "none"})
	end, err := s.round(run)
	must(t, err)
	if job := s.Finish(t, run, end); !strings.Contains(string(job.Result), `"experiences":0`) {
		t.Errorf("the result is %s", job.Result)
	}
}
