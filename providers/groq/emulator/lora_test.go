package emulator_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"mime/multipart"
	"net/http"
	"testing"
	"time"

	"dreamlab/providers/sandbox/sandboxtest"
)

// archived uploads an archive of some files and returns its id.
func archived(t *testing.T, rig *sandboxtest.Rig, files map[string]string) string {
	t.Helper()
	var body, packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	for name, content := range files {
		part, err := archive.Create(name)
		if err == nil {
			_, err = part.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	form := multipart.NewWriter(&body)
	err := archive.Close()
	if err == nil {
		err = form.WriteField("purpose", "fine_tuning")
	}
	part, fault := form.CreateFormFile("file", "a.zip")
	if err != nil || fault != nil {
		t.Fatal(err, fault)
	}
	if _, err := part.Write(packed.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, rig.URL+"/openai/v1/files", &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Authorization", "Bearer sandbox")
	return rig.Want(rig.Send(req), 200).Text("id")
}

func safetensors() string {
	header := `{"__metadata__":{"format":"pt"}}`
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header
}

func register(file string) map[string]any {
	return map[string]any{"input_file_id": file, "name": "dl-1", "type": "lora", "base_model": small}
}

// A registered adapter answers after a minute, under its own name, and is billed as its base.
func TestAdapters(t *testing.T) {
	t.Parallel()
	rig := start(t)
	file := archived(t, rig, map[string]string{"adapter_config.json": `{"r":8}`, "adapter_model.safetensors": safetensors()})
	made := rig.Want(rig.Do("POST", "/v1/fine_tunings", register(file)), 200)
	id, tuned := made.Text("data.id"), made.Text("data.fine_tuned_model")
	rig.Do("GET", "/v1/fine_tunings", nil).Is(t, 200, "data.0.id", id)
	rig.Do("GET", "/v1/fine_tunings/"+id, nil).Is(t, 200, "data.base_model", small)
	say := ask(map[string]any{"model": tuned})
	rig.Do("POST", chat, say).Is(t, 404, "error.code", "model_not_found")
	rig.Lab.Advance(time.Minute)
	rig.Do("POST", chat, say).Is(t, 200, "model", tuned)
	if paid := rig.Payment("groq", small); paid.Calls != 1 {
		t.Errorf("paid %+v", paid)
	}
	rig.Do("DELETE", "/v1/fine_tunings/"+id, nil).Is(t, 200, "deleted", "true")
	rig.Do("DELETE", "/v1/fine_tunings/"+id, nil).Is(t, 404)
	rig.Do("GET", "/v1/fine_tunings/"+id, nil).Is(t, 404)
	rig.Do("POST", chat, say).Is(t, 404, "error.code", "model_not_found")
}

// What is no adapter is refused.
func TestRefusedAdapters(t *testing.T) {
	t.Parallel()
	rig := start(t)
	config, weights := `{"r":8}`, safetensors()
	for name, files := range map[string]map[string]string{
		"a third file":   {"adapter_config.json": config, "adapter_model.safetensors": weights, "tokenizer.json": "{}"},
		"a missing file": {"adapter_model.safetensors": weights},
		"too large":      {"adapter_config.json": `{"r":128}`, "adapter_model.safetensors": weights},
		"no safetensors": {"adapter_config.json": config, "adapter_model.safetensors": "x"},
		"no JSON":        {"adapter_config.json": "x", "adapter_model.safetensors": weights},
		"nothing":        {},
	} {
		if got := rig.Do("POST", "/v1/fine_tunings", register(archived(t, rig, files))); got.Status != 400 {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	file := archived(t, rig, map[string]string{"adapter_config.json": config, "adapter_model.safetensors": weights})
	for field, value := range map[string]string{"name": "", "type": "full", "base_model": "none", "input_file_id": "none"} {
		asked := register(file)
		asked[field] = value
		if got := rig.Do("POST", "/v1/fine_tunings", asked); got.Status != 400 && got.Status != 404 {
			t.Errorf("%s=%s: %d %s", field, value, got.Status, got.Body)
		}
	}
}
