package emulator_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/providers/databricks/emulator"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) *sandboxtest.Rig { return sandboxtest.Start(t, emulator.New, lab.Options{}) }

const (
	small  = "databricks-meta-llama-3-1-8b-instruct"
	files  = "/api/2.0/fs/files/Volumes/dreamlab/tuning/files/"
	submit = "/api/2.2/jobs/runs/submit"
	ends   = "/api/2.0/serving-endpoints"
	row    = `{"messages":[{"role":"user","content":"Where is it?"},{"role":"assistant","content":"At gate seven."}]}` + "\n"
)

func chat(text string) map[string]any {
	return map[string]any{"messages": []any{map[string]string{"role": "user", "content": text}}}
}

func TestChat(t *testing.T) {
	t.Parallel()
	rig := start(t)
	got := rig.Do("POST", "/serving-endpoints/"+small+"/invocations", chat("Hello"))
	got.Is(t, 200, "object", "chat.completion", "model", "meta-llama-3.1-8b-instruct-110524",
		"choices.0.message.content", "Hello! How can I help you today?", "choices.0.finish_reason", "stop")
	if got.Header.Get("served-model-name") == "" || rig.Payment("databricks", small).Calls != 1 {
		t.Errorf("headers %v, paid %+v", got.Header, rig.Lab.Payments())
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	rig := start(t)
	rig.DoAs("", "GET", ends, nil).Is(t, 401, "error_code", "UNAUTHENTICATED")
	rig.DoAs("Bearer wrong", "GET", ends, nil).Is(t, 403, "error_code", "PERMISSION_DENIED", "message", "Invalid access token.")
	rig.Do("GET", "/api/2.0/clusters/list", nil).Is(t, 404, "error_code", "ENDPOINT_NOT_FOUND")
	rig.Do("POST", "/serving-endpoints/none/invocations", chat("Hello")).Is(t, 404, "error_code", "RESOURCE_DOES_NOT_EXIST")
	rig.Do("POST", "/serving-endpoints/"+small+"/invocations", chat(strings.Repeat("word ", 130_000))).
		Is(t, 400, "error_code", "INVALID_PARAMETER_VALUE")
	rig.Do("PUT", "/api/2.0/fs/files/Volumes/other/x/y/z", row).Is(t, 404)
	rig.Do("POST", "/api/2.0/workspace/import", map[string]any{"path": "/tmp/x.sh", "format": "RAW"}).Is(t, 400)
	rig.Do("POST", submit, map[string]any{"run_name": "x", "tasks": []any{}}).Is(t, 400, "error_code", "INVALID_PARAMETER_VALUE")
	rig.Fault(lab.Fault{Vendor: "databricks", Kind: lab.FaultRateLimit, RetryAfter: 3, Times: sandboxtest.Once()})
	rig.Do("GET", ends, nil).Is(t, 429, "error_code", "REQUEST_LIMIT_EXCEEDED")
	rig.Fault(lab.Fault{Vendor: "databricks", Kind: lab.FaultCapacity, Times: sandboxtest.Once()})
	rig.Do("GET", ends, nil).Is(t, 503, "error_code", "TEMPORARILY_UNAVAILABLE")
}

// order brings a command and some rows, and returns a run of it with a limit in seconds.
func order(rig *sandboxtest.Rig, token string, limit int) map[string]any {
	rig.Do("PUT", files+"rows.jsonl?overwrite=true", strings.Repeat(row, 12))
	told := `P = json.loads(r"""{"data":"/Volumes/dreamlab/tuning/files/rows.jsonl","output":"/Volumes/dreamlab/tuning/files/runs/x",` +
		`"weights":"system.ai.meta_llama_v3_1_8b_instruct","model":"dreamlab.tuning.x","epochs":2}""")`
	rig.Do("POST", "/api/2.0/workspace/import", map[string]any{
		"path": "/Workspace/Shared/x.sh", "format": "RAW", "overwrite": true, "content": base64.StdEncoding.EncodeToString([]byte(told)),
	})
	return map[string]any{
		"run_name": "x", "idempotency_token": token, "timeout_seconds": limit,
		"tasks": []any{map[string]any{"task_key": "train", "ai_runtime_task": map[string]any{
			"experiment": "x", "deployments": []any{map[string]any{
				"command_path": "/Workspace/Shared/x.sh", "compute": map[string]any{"accelerator_type": "GPU_1xH100", "accelerator_count": 1},
			}},
		}}},
	}
}

// A run that is submitted again with its token is the same; one at its limit is stopped, and
// billed for its time.
func TestRuns(t *testing.T) {
	t.Parallel()
	rig := start(t)
	first := rig.Want(rig.Do("POST", submit, order(rig, "t-1", 0)), 200).Text("run_id")
	if again := rig.Do("POST", submit, order(rig, "t-1", 0)).Text("run_id"); again != first || first == "" {
		t.Errorf("runs %s and %s", first, again)
	}
	short := rig.Want(rig.Do("POST", submit, order(rig, "t-2", 3600)), 200).Text("run_id")
	get := func(id string) *sandboxtest.Answer { return rig.Do("GET", "/api/2.2/jobs/runs/get?run_id="+id, nil) }
	get(first).Is(t, 200, "state.life_cycle_state", "PENDING")
	rig.Lab.Advance(24 * time.Hour)
	get(first).Is(t, 200, "state.life_cycle_state", "TERMINATED", "state.result_state", "SUCCESS",
		"status.termination_details.code", "SUCCESS")
	get(short).Is(t, 200, "state.result_state", "TIMEDOUT", "execution_duration", "3600000")
	get("1").Is(t, 400, "error_code", "INVALID_PARAMETER_VALUE")
	late := fmt.Sprint(rig.Lab.Now().UnixMilli())
	rig.Do("GET", "/api/2.2/jobs/runs/list?start_time_from="+late, nil).Is(t, 200, "runs", "[]", "has_more", "false")
	rig.Do("GET", files+"runs/x/events.jsonl", nil).Is(t, 200)
}

// An endpoint's traffic has to come to 100, its throughput to whole chunks, and its name is
// its own until it is deleted.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	rig := start(t)
	ask := func(percent, throughput int) map[string]any {
		return map[string]any{"name": "tuned", "config": map[string]any{
			"served_entities": []any{map[string]any{
				"name": "x-1", "entity_name": "dreamlab.tuning.x", "entity_version": "1",
				"min_provisioned_throughput": throughput, "max_provisioned_throughput": throughput,
			}},
			"traffic_config": map[string]any{"routes": []any{map[string]any{"served_model_name": "x-1", "traffic_percentage": percent}}},
		}}
	}
	rig.Do("POST", ends, ask(100, 4750)).Is(t, 404, "error_code", "RESOURCE_DOES_NOT_EXIST")
	rig.Want(rig.Do("POST", submit, order(rig, "t-1", 0)), 200)
	rig.Lab.Advance(24 * time.Hour)
	rig.Do("GET", ends+"/get-model-optimization-info/dreamlab.tuning.x/1", nil).Is(t, 200, "throughput_chunk_size", "4750")
	rig.Do("POST", ends, ask(90, 4750)).Is(t, 400, "error_code", "INVALID_PARAMETER_VALUE")
	rig.Do("POST", ends, ask(100, 100)).Is(t, 400)
	rig.Do("POST", ends, ask(100, 4750)).Is(t, 200, "state.ready", "NOT_READY", "state.config_update", "IN_PROGRESS")
	rig.Do("POST", ends, ask(100, 4750)).Is(t, 409, "error_code", "RESOURCE_ALREADY_EXISTS")
	rig.Do("POST", "/serving-endpoints/tuned/invocations", chat("Where is it?")).Is(t, 503)
	rig.Lab.Advance(time.Hour)
	rig.Do("GET", ends+"/tuned", nil).Is(t, 200, "state.ready", "READY", "config.traffic_config.routes.0.traffic_percentage", "100")
	rig.Do("POST", "/serving-endpoints/tuned/invocations", chat("Where is it?")).
		Is(t, 200, "choices.0.message.content", "At gate seven.", "model", "x-1")
	rig.Do("PUT", ends+"/tuned/config", map[string]any{"traffic_config": map[string]any{"routes": []any{}}}).Is(t, 400)
	rig.Do("DELETE", ends+"/tuned", nil).Is(t, 200)
	rig.Do("GET", ends+"/tuned", nil).Is(t, 404)
	paid := rig.Payment("databricks", "hosting:system.ai.meta_llama_v3_1_8b_instruct").NanoUSD
	rig.Lab.Advance(100 * time.Hour)
	after := rig.Payment("databricks", "hosting:system.ai.meta_llama_v3_1_8b_instruct").NanoUSD
	if paid <= 0 || after > paid+paid/10 {
		t.Errorf("paid %d, and after it was deleted %d", paid, after)
	}
	rig.Do("POST", ends, ask(100, 4750)).Is(t, 200)
}
