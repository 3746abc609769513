package web

import (
	"net/http"
	"net/url"
)

// memoryView is a version of the tenant's consolidated memory.
type memoryView struct {
	ID        *string        `json:"id"`
	Dream     *string        `json:"dream"`
	Lessons   []memoryLesson `json:"lessons"`
	CreatedAt *int64         `json:"created_at"`
}

// memoryLesson is a line of the memory.
type memoryLesson struct {
	Text        string   `json:"text"`
	Reflections []string `json:"reflections"`
	Sources     []string `json:"sources"`
	Weight      float64  `json:"weight"`
}

// versionView is a version in the list.
type versionView struct {
	ID        string  `json:"id"`
	Dream     *string `json:"dream"`
	Restored  *string `json:"restored"`
	Lessons   int     `json:"lessons"`
	CreatedAt *int64  `json:"created_at"`
}

// diffView is what changed from the version before.
type diffView struct {
	From    *string        `json:"from"`
	Added   []memoryLesson `json:"added"`
	Removed []memoryLesson `json:"removed"`
	Changed []struct {
		Words []wordsView `json:"words"`
	} `json:"changed"`
}

// wordsView is a run of words that stayed, came or went.
type wordsView struct{ Op, Text string }

// memoryPageView is the memory, its versions and, for an older one, what changed.
type memoryPageView struct {
	Memory     memoryView
	Versions   paged[versionView]
	Diff       *diffView
	MayRestore bool
}

func memoryPage(v *visit) error {
	var body memoryPageView
	if err := v.get("/v1/memory", nil, &body.Memory); err != nil {
		return err
	}
	return v.showMemory(&body)
}

func memoryVersionPage(v *visit) error {
	body := memoryPageView{Diff: &diffView{}, MayRestore: v.key.Has("use")}
	at := "/v1/memory/versions/" + url.PathEscape(v.r.PathValue("id"))
	if err := v.get(at, nil, &body.Memory); err != nil {
		return err
	}
	if err := v.get(at, url.Values{"diff": {"previous"}}, body.Diff); err != nil {
		return err
	}
	return v.showMemory(&body)
}

func (v *visit) showMemory(body *memoryPageView) (err error) {
	if body.Versions, err = listed[versionView](v, "/v1/memory/versions"); err != nil {
		return err
	}
	return v.show("memory", "Memory", body)
}

func restoreMemory(v *visit) error {
	at := "/v1/memory/versions/" + url.PathEscape(v.r.PathValue("id")) + "/restore"
	if err := v.ask(http.MethodPost, at, nil, nil); err != nil {
		return err
	}
	return v.done("memory", "restored")
}
