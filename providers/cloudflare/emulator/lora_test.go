package emulator_test

import (
	"bytes"
	"encoding/binary"
	"mime/multipart"
	"net/http"
	"testing"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/sandboxtest"
)

const gemma = "@cf/google/gemma-3-12b-it"

// attach uploads a file of an adapter.
func attach(t *testing.T, rig *sandboxtest.Rig, id, file, content string) *sandboxtest.Answer {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", file)
	if err == nil {
		_, err = part.Write([]byte(content))
	}
	if err == nil {
		err = form.WriteField("file_name", file)
	}
	if err == nil {
		err = form.Close()
	}
	req, fault := http.NewRequestWithContext(t.Context(), http.MethodPost, rig.URL+ai+"/finetunes/"+id+"/finetune-assets", &body)
	if err != nil || fault != nil {
		t.Fatal(err, fault)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Authorization", "Bearer sandbox")
	return rig.Send(req)
}

func safetensors() string {
	header := `{"__metadata__":{"format":"pt"}}`
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header
}

// An adapter answers when both its files are there and a while has passed.
func TestAdapters(t *testing.T) {
	t.Parallel()
	rig := start(t)
	tuned := map[string]any{"prompt": "Hello", "lora": "dl-1"}
	run := ai + "/run/" + gemma
	rig.Do("POST", run, tuned).Is(t, 404, "errors.0.code", "3037")
	made := rig.Do("POST", ai+"/finetunes", map[string]any{"model": gemma, "name": "dl-1"})
	made.Is(t, 200, "result.name", "dl-1", "result.public", "false", "result.model", gemma)
	id := made.Text("result.id")
	rig.Do("GET", ai+"/finetunes", nil).Is(t, 200, "result.0.0.id", id)
	rig.Do("POST", run, tuned).Is(t, 404, "errors.0.code", "3039")
	config := `{"r":8,"lora_alpha":16,"model_type":"gemma"}`
	attach(t, rig, id, "adapter_config.json", config).Is(t, 200, "result.success", "true")
	attach(t, rig, id, "adapter_config.json", config).Is(t, 409)
	attach(t, rig, "dl-1", "adapter_model.safetensors", safetensors()).Is(t, 200, "result.success", "true")
	rig.Do("POST", run, tuned).Is(t, 404, "errors.0.code", "3037")
	rig.Lab.Advance(3 * time.Minute)
	rig.Do("POST", run, tuned).Is(t, 200, "success", "true")
	tuned["lora"] = id
	rig.Do("POST", run, tuned).Is(t, 200, "success", "true")
	rig.Do("POST", ai+"/run/@cf/qwen/qwen3-30b-a3b-fp8", tuned).Is(t, 405, "errors.0.code", "5005")
	if paid := rig.Payment("cloudflare", gemma); paid.Calls != 2 {
		t.Errorf("paid %+v", paid)
	}
}

// What Cloudflare refuses of adapters is refused, in its words.
func TestRefusedAdapters(t *testing.T) {
	t.Parallel()
	rig := start(t)
	for name, c := range map[string]struct {
		ask    map[string]any
		status int
	}{
		"nothing":       {map[string]any{}, 400},
		"no such model": {map[string]any{"model": "@cf/x/y", "name": "a"}, 400},
		"another model": {map[string]any{"model": small, "name": "a"}, 405},
		"public":        {map[string]any{"model": gemma, "name": "a", "public": true}, 403},
	} {
		if got := rig.Do("POST", ai+"/finetunes", c.ask); got.Status != c.status {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	id := rig.Do("POST", ai+"/finetunes", map[string]any{"model": gemma, "name": "a"}).Text("result.id")
	for file, content := range map[string]string{
		"readme.md": "x", "adapter_model.safetensors": "x", "adapter_config.json": `{"r":8}`,
	} {
		attach(t, rig, id, file, content).Is(t, 400)
	}
	attach(t, rig, id, "adapter_config.json", `{"r":64,"model_type":"gemma"}`).Is(t, 400)
	attach(t, rig, "none", "adapter_config.json", `{"r":8,"model_type":"gemma"}`).Is(t, 404, "errors.0.code", "3037")
	rig.Do("POST", ai+"/finetunes/"+id+"/finetune-assets/", nil).Is(t, 404, "errors.0.code", "1000")
	rig.Do("DELETE", ai+"/finetunes/"+id, nil).Is(t, 404)
	for range 29 {
		rig.Do("POST", ai+"/finetunes", map[string]any{"model": gemma, "name": "a"}).Is(t, 200)
	}
	rig.Do("POST", ai+"/finetunes", map[string]any{"model": gemma, "name": "b"}).Is(t, 400)
}

// A script can have an adapter come late.
func TestSlowAdapter(t *testing.T) {
	t.Parallel()
	rig := start(t)
	rig.Fault(lab.Fault{Vendor: "cloudflare", Kind: lab.FaultSlowCapacity})
	id := rig.Do("POST", ai+"/finetunes", map[string]any{"model": gemma, "name": "a"}).Text("result.id")
	attach(t, rig, id, "adapter_config.json", `{"r":8,"model_type":"gemma"}`).Is(t, 200)
	attach(t, rig, id, "adapter_model.safetensors", safetensors()).Is(t, 200)
	rig.Lab.Advance(time.Hour)
	rig.Do("POST", ai+"/run/"+gemma, map[string]any{"prompt": "Hello", "lora": "a"}).Is(t, 404, "errors.0.code", "3037")
	rig.Lab.Advance(6 * time.Hour)
	rig.Do("POST", ai+"/run/"+gemma, map[string]any{"prompt": "Hello", "lora": "a"}).Is(t, 200)
}
