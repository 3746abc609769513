package web

// memoryView is the tenant's consolidated memory.
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

func memoryPage(v *visit) error {
	var body memoryView
	if err := v.get("/v1/memory", nil, &body); err != nil {
		return err
	}
	return v.show("memory", "Memory", body)
}
