package e2e

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/sqlite"
	"dreamlab/store/storetest"
)

// openaiModule is the official Go client, whose own tests ask any server.
const openaiModule = "github.com/openai/openai-go/v3@v3.99.0"

// passing are its tests that Dream Lab has to pass, in the order in which they are run: what
// deletes or cancels comes last.
var passing = []string{
	"TestEmbeddingNewWithOptionalParams", "TestUsage", "TestStreamingAccumulatorWithToolCalls", "TestAccumulateTokenDetails",
	"TestModelGet", "TestModelList", "TestFileGet", "TestBatchGet", "TestFineTuningJobGet",
	"TestAutoPagination", "TestManualPagination",
	"TestModelDelete", "TestFileDelete", "TestBatchCancel", "TestFineTuningJobCancel",
}

// unanswered says why Dream Lab can not pass the others that ask a server, by their names or what
// these begin with.
var unanswered = map[string]string{
	"TestChatCompletionNewWithOptionalParams": "asks for audio, functions, moderation and web search, and for 0 tokens at most",
	"TestCompletionNewWithOptionalParams":     "asks for the best of 0 answers",
	"TestResponseNewWithOptionalParams":       "asks for a stored conversation, and for an answer in the background",
	"TestFileNewWithOptionalParams":           "uploads a file of the purpose assistants: fine-tune and batch are taken",
	"TestBatchNewWithOptionalParams":          "asks for a batch of responses: chats are taken",
	"TestFineTuningJobNewWithOptionalParams":  "asks for Weights & Biases, and for three methods at once",

	"TestFileListWithOptionalParams":                    "asks for a page of 0 rows: OpenAI documents 1 and more",
	"TestBatchListWithOptionalParams":                   "asks for a page of 0 rows",
	"TestFineTuningJobListWithOptionalParams":           "asks for a page of 0 rows",
	"TestFineTuningJobListEventsWithOptionalParams":     "asks for a page of 0 rows",
	"TestFineTuningJobCheckpointListWithOptionalParams": "asks for a page of 0 rows",

	"TestFineTuningJobPause":  "the route is not offered: no vendor that is trained at pauses",
	"TestFineTuningJobResume": "the route is not offered: no vendor that is trained at pauses",

	"TestChatCompletionGet": stored, "TestChatCompletionUpdate": stored, "TestChatCompletionListWithOptionalParams": stored,
	"TestChatCompletionDelete": stored, "TestChatCompletionMessageListWithOptionalParams": stored,
	"TestResponseGet": stored, "TestResponseDelete": stored, "TestResponseCancel": stored, "TestResponseCompact": stored,
	"TestInputItem": stored, "TestInputToken": stored, "TestConversation": stored, "TestItem": stored,

	"TestAdmin": notOffered, "TestAudio": notOffered, "TestBeta": notOffered, "TestCall": notOffered, "TestClientSecret": notOffered,
	"TestContainer": notOffered, "TestContentProvenance": notOffered, "TestDecision": notOffered, "TestEventType": notOffered,
	"TestFineTuningAlpha": notOffered, "TestFineTuningCheckpointPermission": notOffered, "TestImage": notOffered, "TestLive": notOffered,
	"TestModeration": notOffered, "TestSafety": notOffered, "TestSession": notOffered, "TestSkill": notOffered,
	"TestTranslation": notOffered, "TestUpload": notOffered, "TestVectorStore": notOffered, "TestVideo": notOffered,
}

// Reasons of many.
const (
	stored     = "the route is not offered: answers are not kept at it, the job of a chat is read at /v1/jobs"
	notOffered = "the route is not offered"
)

// openaiTests are the tests of the module, compiled as its authors wrote them, and the names of
// those that ask a server.
type openaiTests struct {
	program string
	asking  []string
}

// openaiSuite compiles them once.
var openaiSuite = sync.OnceValues(func() (openaiTests, error) {
	var module struct{ Dir string }
	out, err := exec.Command("go", "mod", "download", "-json", openaiModule).Output()
	if err == nil {
		err = json.Unmarshal(out, &module)
	}
	if err != nil {
		return openaiTests{}, err
	}
	suite := openaiTests{program: filepath.Join(filepath.Dir(binary), "openai-go.test")}
	if suite.asking, err = askingTests(module.Dir); err != nil {
		return suite, err
	}
	compile := exec.Command("go", "test", "-c", "-o", suite.program, ".")
	compile.Dir = module.Dir
	return suite, compile.Run()
})

// askingTests are the test functions of a module that read the address of a server.
func askingTests(dir string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	below, err := filepath.Glob(filepath.Join(dir, "*", "*_test.go"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, path := range append(paths, below...) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if f, is := d.(*ast.FuncDecl); is && strings.HasPrefix(f.Name.Name, "Test") && readsAddress(f) {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names, nil
}

func readsAddress(f *ast.FuncDecl) bool {
	reads := false
	ast.Inspect(f, func(n ast.Node) bool {
		text, is := n.(*ast.BasicLit)
		reads = reads || is && text.Value == `"TEST_API_BASE_URL"`
		return !reads
	})
	return reads
}

// excused tells whether it is said why a test can not pass.
func excused(name string) bool {
	for begin := range unanswered {
		if strings.HasPrefix(name, begin) {
			return true
		}
	}
	return false
}

// TestOpenAIsTestsAreKnown wants each test of the client that asks a server to be run, or to stand
// with the reason why not.
func TestOpenAIsTestsAreKnown(t *testing.T) {
	t.Parallel()
	suite, err := openaiSuite()
	if err != nil {
		storetest.Require(t, "openai-go", err)
	}
	for _, name := range suite.asking {
		if runs := slices.Contains(passing, name); runs == excused(name) {
			t.Errorf("%s is either run, or it stands with a reason", name)
		}
	}
	for _, name := range passing {
		if !slices.Contains(suite.asking, name) {
			t.Errorf("there is no test %s that asks a server", name)
		}
	}
}

// TestOpenAIsOwnTests runs the tests of OpenAI's Go client against Dream Lab, with the key and the ids
// that stand in them.
func TestOpenAIsOwnTests(t *testing.T) {
	t.Parallel()
	suite, err := openaiSuite()
	if err != nil {
		storetest.Require(t, "openai-go", err)
	}
	s := newSite(t, "DREAMLAB_ADDR=127.0.0.1:0", "DREAMLAB_LOG=warn")
	seedOpenAI(t, s.dir)
	up := s.start(t, "dreamlab", "up")
	s.env = append(s.env, "TEST_API_BASE_URL="+up.await(t, `answers at (\S+/v1)`))
	for _, name := range passing {
		t.Run(name, func(t *testing.T) { // one after the other, see passing
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			out, err := s.command(ctx, []string{suite.program, "-test.v", "-test.run", "^" + name + "$"}).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "--- PASS: "+name) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// seedOpenAI makes what the tests name: their key, their models as aliases, and their ids.
func seedOpenAI(t *testing.T, dir string) {
	t.Helper()
	const routes = "routes:\n" +
		"  gpt-6-astra: [{model: groq/openai/gpt-oss-20b}]\n" +
		"  gpt-4o: [{model: databricks/databricks-gpt-oss-20b}]\n" +
		"  text-embedding-3-small: [{model: vertex/google/gemini-embedding-001}]\n"
	if err := os.WriteFile(filepath.Join(dir, "dreamlab.yaml"), []byte(routes), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, ".dreamlab")
	if err := os.MkdirAll(filepath.Join(data, "objects"), 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := sqlite.Open(t.Context(), filepath.Join(data, "dreamlab.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Migrate(t.Context(), -1); err != nil {
		t.Fatal(err)
	}
	bucket, err := blob.Directory(filepath.Join(data, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	kept := store.Open(d)
	err = kept.Tx(t.Context(), db.Synced, func(q *store.Queries) error { return seedRows(t.Context(), q, bucket) })
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
}

func seedRows(ctx context.Context, q *store.Queries, bucket blob.Bucket) error {
	tenant, err := q.EnsureTenant(ctx, "default")
	if err != nil {
		return err
	}
	if _, err := q.CreateKey(ctx, store.Key{Tenant: tenant.ID, Name: "openai", Scopes: store.Scopes()}, "My API Key"); err != nil {
		return err
	}
	for _, id := range []string{"after", "file_id", "file-abc123", "input_file_id"} {
		f := learn.File{ID: id, Tenant: tenant.ID, Filename: "rows.jsonl", Purpose: "fine-tune", Object: blob.FileObject(id)}
		if _, err := q.AddFile(ctx, f); err != nil {
			return err
		}
		if err := bucket.Create(ctx, f.Object, strings.NewReader(trainingRows)); err != nil {
			return err
		}
	}
	for _, id := range []string{"after", "batch_id"} {
		own, err := seedJob(ctx, q, tenant.ID, "batch.run", id)
		if err != nil {
			return err
		}
		if err := q.AddBatch(ctx, batch.Batch{ID: id, Tenant: tenant.ID, Job: own, File: "input_file_id", Endpoint: "/v1/chat/completions",
			Window: 24 * time.Hour, Status: batch.InProgress, Spec: json.RawMessage(`{}`)}); err != nil {
			return err
		}
	}
	for _, id := range []string{"after", "ft-AF1WoRqd3aJAHsqc9NY7iL8F"} {
		own, err := seedJob(ctx, q, tenant.ID, "tune.start", id)
		if err != nil {
			return err
		}
		if err := q.AddTraining(ctx, learn.Training{ID: id, Tenant: tenant.ID, Job: own, File: "file_id", Provider: "together",
			Base: "openai/gpt-oss-20b", Status: "running", Spec: json.RawMessage(`{}`)}); err != nil {
			return err
		}
	}
	return q.AddModel(ctx, learn.Model{Name: "ft:gpt-4o-mini:acemeco:suffix:abc123", Tenant: tenant.ID, Alias: "assistant",
		Provider: "together", Base: "together/openai/gpt-oss-20b", State: learn.ModelTrained})
}

// seedJob makes a job that waits for ever.
func seedJob(ctx context.Context, q *store.Queries, tenant, kind, subject string) (string, error) {
	accepted, err := q.AcceptJobs(ctx, []job.NewJob{{Tenant: tenant, Kind: kind, Lane: "tune", Subject: subject, Waiting: true,
		Input: []byte(`{}`)}}, nil)
	if err != nil {
		return "", err
	}
	return accepted[0].Job.ID, nil
}

// trainingRows are a file that a fine-tune can be made of.
var trainingRows = strings.Repeat(`{"messages":[{"role":"user","content":"What is 2+2?"},{"role":"assistant","content":"4"}]}`+"\n", 12)
